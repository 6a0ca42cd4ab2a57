//! Configuration: what a release brings, what its node's owner says otherwise, and what is different between two. Pure: text and data.
//!
//! ```text
//! config.toml in the plugin's file ──┐
//! config.toml in the node's folder ──┴─ merged: a table's values one by one, anything else as a whole; the owner's word counts
//! ```
//!
//! Where a release has several plugins, the owner's file is the application's, but for the table `plugins`: `[plugins.stock]` is that plugin's.
//!
//! What it means is the plugin's to say: here it is tables and values.

use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt;

/// Names and values.
pub type Config = Map<String, Value>;

/// Whose text it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The release's own.
    Release,
    /// The owner's, in the node's folder.
    Node,
}

/// What of the owner's file is meant for a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// All of it: there is no other plugin.
    Whole,
    /// What is not in the table `plugins`.
    Application,
    /// The table of that name in the table `plugins`.
    Plugin(&'a str),
}

/// The table of the owner's file that has the other plugins' tables.
const PLUGINS: &str = "plugins";

/// Why it cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("config.toml {origin} is wrong: {reason}")]
pub struct ConfigError {
    origin: Origin,
    reason: String,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Release => "of the release",
            Self::Node => "in the node's folder",
        })
    }
}

/// What is different in `to`, by the names at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// In both, and not the same.
    pub changed: Vec<String>,
    /// In `to` alone.
    pub new: Vec<String>,
    /// In `from` alone.
    pub removed: Vec<String>,
}

/// Both together; what is not there is empty.
///
/// # Errors
/// One of them cannot be read, and where; or a plugin's part of it is no table.
pub fn merged(release: Option<&str>, node: Option<&str>, part: Part<'_>) -> Result<Config, ConfigError> {
    let mut config = read(release, Origin::Release)?;
    put_over(&mut config, part.of(read(node, Origin::Node)?)?);
    Ok(config)
}

impl Part<'_> {
    fn of(self, mut owners: Config) -> Result<Config, ConfigError> {
        let plugins = if self == Self::Whole { None } else { owners.remove(PLUGINS) };
        let Self::Plugin(name) = self else { return Ok(owners) };
        let wrong = |what: String| ConfigError { origin: Origin::Node, reason: format!("{what} is no table") };
        match plugins {
            None => Ok(Config::new()),
            Some(Value::Object(mut plugins)) => match plugins.remove(name) {
                None => Ok(Config::new()),
                Some(Value::Object(own)) => Ok(own),
                Some(_) => Err(wrong(format!("{PLUGINS}.{name}"))),
            },
            Some(_) => Err(wrong(PLUGINS.to_owned())),
        }
    }
}

/// What is different between two.
#[must_use]
pub fn change(from: &Config, to: &Config) -> Change {
    let names = |of: &Config, is: &dyn Fn(&String) -> bool| of.keys().filter(|name| is(name)).cloned().collect();
    Change {
        changed: names(to, &|name| from.get(name).is_some_and(|before| Some(before) != to.get(name))),
        new: names(to, &|name| !from.contains_key(name)),
        removed: names(from, &|name| !to.contains_key(name)),
    }
}

impl Change {
    /// Nothing is different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changed.is_empty() && self.new.is_empty() && self.removed.is_empty()
    }
}

fn read(text: Option<&str>, origin: Origin) -> Result<Config, ConfigError> {
    let wrong = |reason| ConfigError { origin, reason };
    let text = text.unwrap_or_default();
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        wrong(format!("line {line}: {}", error.message().replace('\n', ", ")))
    })?;
    of_table(table).map_err(wrong)
}

fn of_table(table: toml::Table) -> Result<Config, String> {
    let entry = |(name, value): (String, toml::Value)| {
        let value = of_value(value).map_err(|reason| format!("{name}: {reason}"))?;
        Ok((name, value))
    };
    table.into_iter().map(entry).collect()
}

fn of_value(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => {
            serde_json::Number::from_f64(number).ok_or_else(|| format!("{number} is no number to reckon with"))?.into()
        }
        toml::Value::Boolean(is) => is.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(values) => Value::Array(values.into_iter().map(of_value).collect::<Result<_, _>>()?),
        toml::Value::Table(table) => Value::Object(of_table(table)?),
    })
}

fn put_over(config: &mut Config, other: Config) {
    for (name, value) in other {
        match (config.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => put_over(below, above),
            (_, value) => {
                config.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_owners_word_counts_value_by_value() {
        let release = "limit = 5\nwhen = 2026-01-02\n[db]\nhost = \"a\"\nports = [1, 2]";
        let merged = merged(Some(release), Some("extra = 1.5\n[db]\nports = [3]"), Part::Whole).expect("good");
        let expected = json!({ "limit": 5, "when": "2026-01-02", "db": { "host": "a", "ports": [3] }, "extra": 1.5 });
        assert_eq!(Value::Object(merged), expected);
        assert_eq!(super::merged(None, None, Part::Whole), Ok(Config::new()));
    }

    #[test]
    fn of_several_plugins_each_has_its_own_part() {
        let owners = "limit = 7\nplugins.stock = { limit = 9 }\n";
        let part = |owners, part| merged(Some("limit = 1\nname = \"a\""), Some(owners), part).map(Value::Object);
        let own = |limit| Ok(json!({ "limit": limit, "name": "a" }));
        assert_eq!(part(owners, Part::Application), own(7));
        assert_eq!(part(owners, Part::Plugin("stock")), own(9));
        assert_eq!(part(owners, Part::Plugin("mail")), own(1));
        let whole = json!({ "limit": 7, "name": "a", "plugins": { "stock": { "limit": 9 } } });
        assert_eq!(part(owners, Part::Whole), Ok(whole), "an application of one plugin may call a table so");
        for (owners, what) in [("plugins = 1", "plugins"), ("plugins.stock = 1", "plugins.stock")] {
            let error = part(owners, Part::Plugin("stock")).expect_err("no table").to_string();
            assert_eq!(error, format!("config.toml in the node's folder is wrong: {what} is no table"));
        }
    }

    #[test]
    fn what_cannot_be_read_is_said_in_one_line_with_its_place() {
        let wrong = |release, node| merged(release, node, Part::Whole).expect_err("wrong").to_string();
        let error = wrong(Some("a = 1\nb = = 2\n"), None);
        assert!(error.starts_with("config.toml of the release is wrong: line 2: "), "{error}");
        let error = wrong(None, Some("[t]\nx = nan\n"));
        assert_eq!(error, "config.toml in the node's folder is wrong: t: x: NaN is no number to reckon with");
        for text in ["a", "[", "a = \"", "a = 1\na = 2", "\u{0}", "a = 1 # \u{7f}"] {
            let error = wrong(Some(text), None);
            assert!(!error.contains('\n'), "{error:?}");
        }
    }

    #[test]
    fn a_change_is_by_the_names_at_the_top() {
        let config = |text| merged(Some(text), None, Part::Whole).expect("good");
        let (from, to) = (config("a = 1\nb = 1\n[t]\nx = 1"), config("a = 1\nc = 1\n[t]\nx = 2"));
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = Change { changed: names(&["t"]), new: names(&["c"]), removed: names(&["b"]) };
        assert_eq!(change(&from, &to), expected);
        assert!(change(&to, &to).is_empty() && !expected.is_empty());
    }
}

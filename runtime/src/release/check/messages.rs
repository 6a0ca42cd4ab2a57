//! Do the plugins of a release understand each other, and what still runs of the release before? Pure.
//!
//! ```text
//! the new ones, of each other ─────────────── not ─► refused
//! the new ones, what the old ones send ────── not ─► refused, unless the plugin's version says that it is another one (2.0.0, or 0.2.0)
//! the old ones, what the new ones send ────── not ─► a warning: what is refused comes back to its sender as an error
//! ```
//!
//! Each message by the name of its type; a plugin that does not declare it has no part in it.

use super::{Finding, Subject, plain, side_by_side};
use crate::image::PluginFacts;
use crate::release::manifest::{PluginEntry, release_version};
use crate::schema::{Difference, StateRecord, reads, render};
use semver::Version;

/// A plugin, and the messages that it declares.
#[derive(Clone, Debug)]
pub struct Speaker<'a> {
    /// Its name.
    pub name: &'a str,
    /// The build's version.
    pub version: Version,
    /// Its messages.
    pub messages: &'a [StateRecord],
}

impl<'a> From<&'a PluginFacts> for Speaker<'a> {
    fn from(facts: &'a PluginFacts) -> Self {
        let version = release_version(&facts.version, &facts.hash);
        Self { name: &facts.name, version, messages: &facts.messages }
    }
}

impl<'a> From<&'a PluginEntry> for Speaker<'a> {
    fn from(entry: &'a PluginEntry) -> Self {
        let version = release_version(&entry.version, &entry.hash);
        Self { name: &entry.name, version, messages: &entry.messages }
    }
}

/// One side of a talk.
type Side<'a> = (&'a Speaker<'a>, &'a StateRecord);

/// What stands between the plugins of `to`, and between them and those of `from`, which run; refusals first. Each message once, by its worst.
#[must_use]
pub fn messages(from: &[Speaker<'_>], to: &[Speaker<'_>]) -> Vec<Finding> {
    let mut names: Vec<&str> = to.iter().flat_map(|speaker| speaker.messages).map(|of| of.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut found: Vec<_> = names.into_iter().filter_map(|name| message(name, from, to)).collect();
    found.sort_by_key(|finding| !finding.refuses);
    found
}

fn message(name: &str, from: &[Speaker<'_>], to: &[Speaker<'_>]) -> Option<Finding> {
    let (old, new) = (sides(name, from), sides(name, to));
    let among = |readers: &[Side<'_>], writers: &[Side<'_>], finding: fn(Side<'_>, Side<'_>) -> Finding| {
        let pairs = readers.iter().flat_map(|reader| writers.iter().map(move |writer| (*reader, *writer)));
        pairs.map(|(reader, writer)| (reader, writer, reads(&reader.1.shape, &writer.1.shape))).find_map(
            |(reader, writer, differences)| {
                (!differences.is_empty()).then(|| with(finding(reader, writer), reader, writer, &differences))
            },
        )
    };
    among(&new, &new, apart).or_else(|| among(&new, &old, unread)).or_else(|| among(&old, &new, unread_there))
}

fn sides<'a>(name: &str, speakers: &'a [Speaker<'a>]) -> Vec<Side<'a>> {
    let side = |speaker: &'a Speaker<'a>| {
        speaker.messages.iter().find(|message| message.name == name).map(|message| (speaker, message))
    };
    speakers.iter().filter_map(side).collect()
}

fn apart((reader, message): Side<'_>, (writer, _): Side<'_>) -> Finding {
    let message = format!("{} would not read every {:?} of {}", reader.name, message.name, writer.name);
    plain(Subject::Message, message, "build both with the same version of the crate that has the type")
}

fn unread((reader, message): Side<'_>, (writer, _): Side<'_>) -> Finding {
    let says_so = !is_compatible(&writer.version, &reader.version);
    let hint = "give what is new a default and keep what was; or raise the version of the plugin as for any breaking change, and what still runs of \
        the version before is not understood";
    let hint = if says_so {
        "nothing, if that is meant: what is not understood comes back to its sender as an error"
    } else {
        hint
    };
    let message = format!(
        "the message {:?} changed: {} {} would not read what {} {} sends, which runs",
        message.name, reader.name, reader.version, writer.name, writer.version
    );
    Finding { refuses: !says_so, ..plain(Subject::Message, message, hint) }
}

fn unread_there((reader, message): Side<'_>, (writer, _): Side<'_>) -> Finding {
    let message = format!(
        "the message {:?} changed: what still runs of {} {} would not read all that {} {} sends",
        message.name, reader.name, reader.version, writer.name, writer.version
    );
    let hint = "nothing, if that is meant: what is not understood comes back to its sender as an error";
    Finding { refuses: false, ..plain(Subject::Message, message, hint) }
}

/// As cargo has it: the same leftmost number that is not 0.
fn is_compatible(from: &Version, to: &Version) -> bool {
    match (from.major, from.minor) {
        (0, 0) => (to.major, to.minor, to.patch) == (0, 0, from.patch),
        (0, minor) => (to.major, to.minor) == (0, minor),
        (major, _) => to.major == major,
    }
}

fn with(finding: Finding, reader: Side<'_>, writer: Side<'_>, differences: &[Difference]) -> Finding {
    let heading = |(speaker, _): Side<'_>, what: &str| format!("{} {} {what}", speaker.name, speaker.version);
    let (left, right) = (heading(writer, "sends"), heading(reader, "reads"));
    Finding {
        differences: differences.iter().map(ToString::to_string).collect(),
        shapes: Some(side_by_side((&left, &render(&writer.1.shape)), (&right, &render(&reader.1.shape)))),
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(shape: &str) -> [StateRecord; 1] {
        [StateRecord::parse(format!(r#"{{"name":"api::Call","version":1,"shape":{shape}}}"#).as_bytes())
            .expect("a record")]
    }

    fn speaker<'a>(name: &'a str, version: &str, messages: &'a [StateRecord]) -> Speaker<'a> {
        Speaker { name, version: version.parse().expect("a version"), messages }
    }

    fn call(fields: &str) -> [StateRecord; 1] {
        record(&format!(r#"{{"struct":{{"name":"Call","fields":[{fields}]}}}}"#))
    }

    const COUNT: &str = r#"{"name":"count","shape":"u64"}"#;

    #[test]
    fn what_both_read_is_no_finding() {
        let (old, more) = (call(COUNT), call(&format!(r#"{COUNT},{{"name":"note","default":true,"shape":"string"}}"#)));
        let from = [speaker("shop", "1.0.0", &old), speaker("stock", "1.0.0", &old)];
        assert_eq!(messages(&from, &from), []);
        let to = [speaker("shop", "1.0.0", &more), speaker("stock", "1.1.0", &more)];
        assert_eq!(messages(&from, &to), [], "a field with a default");
        assert_eq!(messages(&[], &to), [], "nothing runs that it could disagree with");
        assert_eq!(messages(&from, &[speaker("mail", "1.0.0", &[])]), [], "nobody speaks of it any more");
    }

    #[test]
    fn what_the_old_ones_send_must_be_read_unless_the_version_says_otherwise() {
        let (old, new) = (call(COUNT), call(r#"{"name":"count","shape":"string"}"#));
        let from = [speaker("shop", "1.4.0", &old)];
        let found = |version: &str| messages(&from, &[speaker("shop", version, &new)]);
        let refused = found("1.5.0");
        assert_eq!(refused.len(), 1);
        assert!(refused[0].refuses);
        let expected = "the message \"api::Call\" changed: shop 1.5.0 would not read what shop 1.4.0 sends, which runs";
        assert_eq!(refused[0].message, expected);
        assert!(refused[0].details().contains("String"), "{}", refused[0].details());
        assert!(!found("2.0.0")[0].refuses);
        let from = [speaker("shop", "0.1.0", &old)];
        assert!(messages(&from, &[speaker("shop", "0.1.9", &new)])[0].refuses);
        assert!(!messages(&from, &[speaker("shop", "0.2.0", &new)])[0].refuses);
    }

    #[test]
    fn what_only_the_old_ones_would_not_read_is_a_warning() {
        let variants = |names: &[&str]| {
            let variants: Vec<_> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
            record(&format!(r#"{{"enum":{{"name":"Call","variants":[{}]}}}}"#, variants.join(",")))
        };
        let (old, new) = (variants(&["Take"]), variants(&["Take", "Give"]));
        let found = messages(&[speaker("stock", "1.0.0", &old)], &[speaker("stock", "1.1.0", &new)]);
        assert_eq!(found.len(), 1);
        assert!(!found[0].refuses && found[0].message.contains("what still runs of stock 1.0.0"), "{:?}", found[0]);
        let back = messages(&[speaker("stock", "1.1.0", &new)], &[speaker("stock", "1.0.0", &old)]);
        assert!(back[0].refuses, "the old ones send what the new ones do not know");
    }

    #[test]
    fn plugins_of_one_release_understand_each_other_whatever_their_versions() {
        let (one, other) = (call(COUNT), call(r#"{"name":"number","shape":"u64"}"#));
        let to = [speaker("stock", "1.0.0", &one), speaker("shop", "7.0.0", &other)];
        let found = messages(&[], &to);
        assert!(found[0].refuses);
        assert_eq!(found[0].message, "stock would not read every \"api::Call\" of shop");
    }
}

//! What stands between two builds of a plugin: what refuses an upgrade from one to the other, and what one should know before. Pure.
//!
//! Told from what both declare; [`inspect`](crate::image::inspect) has refused what this runtime cannot load at all. Messages that are not declared
//! are not compared: what a receiver does not understand comes back to its sender as an error. `messages.rs` compares those that are.

mod messages;

pub use messages::{Speaker, messages};

use super::manifest::PluginEntry;
use crate::image::PluginFacts;
use crate::schema::{NoWay, StateRecord, Verdict, compare, render, side_by_side, stub};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// What a build says of itself.
#[derive(Clone, Debug)]
pub struct Declared<'a> {
    /// The build's version, with its hash if it is known.
    pub version: Version,
    /// ABI `major.minor`.
    pub abi: String,
    /// Target triple.
    pub target: &'a str,
    /// Its states.
    pub states: &'a [StateRecord],
}

/// Something between two builds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// What it is about.
    pub subject: Subject,
    /// It refuses the upgrade; otherwise it is a warning.
    pub refuses: bool,
    /// The state's name, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// One sentence.
    pub message: String,
    /// What to do.
    pub hint: String,
    /// Places in a state that are not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
    /// Both shapes of the state, beside each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shapes: Option<String>,
    /// The code that is missing, to be pasted and filled in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stub: Option<String>,
}

/// What a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// A declared state.
    State,
    /// The version of the plugin.
    Version,
    /// The ABI that it was built for.
    Abi,
    /// The target that it was built for.
    Target,
    /// A message by which plugins talk to each other.
    Message,
}

impl<'a> From<&'a PluginFacts> for Declared<'a> {
    fn from(facts: &'a PluginFacts) -> Self {
        Self {
            version: super::manifest::release_version(&facts.version, &facts.hash),
            abi: format!("{}.{}", facts.abi_major, facts.abi_minor),
            target: &facts.target,
            states: &facts.states,
        }
    }
}

impl<'a> From<&'a PluginEntry> for Declared<'a> {
    fn from(entry: &'a PluginEntry) -> Self {
        Self {
            version: super::manifest::release_version(&entry.version, &entry.hash),
            abi: entry.abi.clone(),
            target: &entry.target,
            states: &entry.states,
        }
    }
}

/// What stands between `from`, which runs, and `to`, refusals first.
#[must_use]
pub fn check(from: &Declared<'_>, to: &Declared<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = [abi(from, to), target(from, to), older(from, to)].into_iter().flatten().collect();
    findings.extend(states(from, to));
    findings.sort_by_key(|finding| !finding.refuses);
    findings
}

/// What stands between the states of both alone: for a way back, too.
#[must_use]
pub fn states(from: &Declared<'_>, to: &Declared<'_>) -> Vec<Finding> {
    from.states.iter().filter_map(|state| of_state(state, from, to)).collect()
}

fn plain(subject: Subject, message: String, hint: &str) -> Finding {
    let hint = hint.to_owned();
    Finding { subject, refuses: true, state: None, message, hint, differences: Vec::new(), shapes: None, stub: None }
}

fn abi(from: &Declared<'_>, to: &Declared<'_>) -> Option<Finding> {
    let major = |abi: &str| abi.split('.').next().map(str::to_owned);
    let message =
        format!("{} was built for ABI {}, and {} runs, of ABI {}", to.version, to.abi, from.version, from.abi);
    (major(&from.abi) != major(&to.abi))
        .then(|| plain(Subject::Abi, message, "another ABI needs another runtime: release and start it anew"))
}

fn target(from: &Declared<'_>, to: &Declared<'_>) -> Option<Finding> {
    let message = format!("{} was built for {}, and {} runs, for {}", to.version, to.target, from.version, from.target);
    (from.target != to.target).then(|| plain(Subject::Target, message, "build it for the target of the node"))
}

fn older(from: &Declared<'_>, to: &Declared<'_>) -> Option<Finding> {
    let message = format!("{} is older than {}, which runs", to.version, from.version);
    let hint =
        "raise the version in the package's Cargo.toml; to go back to a release that ran, use cargo system rollback";
    (to.version.cmp_precedence(&from.version) == Ordering::Less).then(|| plain(Subject::Version, message, hint))
}

fn of_state(old: &StateRecord, from: &Declared<'_>, to: &Declared<'_>) -> Option<Finding> {
    let name = &old.name;
    let Some(new) = to.states.iter().find(|new| new.name == *name) else { return Some(dropped(old, from)) };
    let no_way = match compare(old, new) {
        Verdict::Same | Verdict::Compatible => return None,
        Verdict::OneWay(no_way) => {
            return Some(Finding {
                refuses: false,
                hint: advice(&no_way).to_owned(),
                ..between(old, new, from, to, way_back(name, &no_way), &no_way)
            });
        }
        Verdict::Incompatible(no_way) => no_way,
    };
    let message = match &no_way {
        NoWay::Differs { version, is_own: true, .. } if old.version == new.version => {
            format!("the state {name:?} changed, and its version is {version} as before")
        }
        NoWay::Differs { .. } | NoWay::NoConversion { .. } => format!("the state {name:?} changed, and {no_way}"),
        NoWay::NoWayDown { .. } => format!("the state {name:?} goes back, and {no_way}"),
    };
    let code = stub(old, new);
    let hint = match &code {
        Some(_) => "give what is new a default, or raise the state's version and fill in these conversions",
        None => "the build that runs has no way to it: cargo system rollback refuses it, too",
    };
    Some(Finding { hint: hint.to_owned(), stub: code, ..between(old, new, from, to, message, &no_way) })
}

fn advice(no_way: &NoWay) -> &'static str {
    match no_way {
        NoWay::Differs { .. } => "nothing, if that is meant: there is no hot roll-back across this upgrade",
        _ => {
            "write the conversion down: while processes have this state, the rehearsal refuses what they could not come back from"
        }
    }
}

fn way_back(name: &str, no_way: &NoWay) -> String {
    let why = match no_way {
        NoWay::Differs { .. } => "the version that runs would not read all that this one writes".to_owned(),
        other => other.to_string(),
    };
    format!("the state {name:?} moves and cannot move back: {why}")
}

fn dropped(old: &StateRecord, from: &Declared<'_>) -> Finding {
    let name = &old.name;
    let message =
        format!("the state {name:?} is not declared any more: its processes stay on {} until they end", from.version);
    let hint = format!("if its type was renamed, say #[state(name = {name:?})] on it");
    Finding { refuses: false, state: Some(name.clone()), ..plain(Subject::State, message, &hint) }
}

fn between(
    old: &StateRecord,
    new: &StateRecord,
    from: &Declared<'_>,
    to: &Declared<'_>,
    message: String,
    no_way: &NoWay,
) -> Finding {
    let heading = |of: &Declared<'_>, state: &StateRecord| format!("{}: version {}", of.version, state.version);
    let (left, right) = (heading(from, old), heading(to, new));
    Finding {
        state: Some(old.name.clone()),
        differences: no_way.differences().iter().map(ToString::to_string).collect(),
        shapes: Some(side_by_side((&left, &render(&old.shape)), (&right, &render(&new.shape)))),
        ..plain(Subject::State, message, "")
    }
}

impl Finding {
    /// All of it but the sentence and the hint, as lines for people; empty if there is no more.
    #[must_use]
    pub fn details(&self) -> String {
        let mut text = self.differences.iter().fold(String::new(), |mut text, difference| {
            let _ = writeln!(text, "  {difference}");
            text
        });
        for part in self.shapes.iter().chain(&self.stub) {
            let _ = write!(text, "\n{part}");
        }
        text
    }
}

#[cfg(test)]
mod tests;

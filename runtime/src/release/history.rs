//! What happened to a node's releases: one entry for each upgrade and roll-back. Pure: data only.
//!
//! Entries stand in the order of their numbers. The clock only says when, for people: it may jump, and no order depends on it.

use crate::protocol::Pauses;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

/// Entries that are kept; the oldest go first.
pub const HISTORY_LEN_MAX: usize = 256;
/// No message in the history is longer, in characters.
pub const MESSAGE_LEN_MAX: usize = 1000;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Forward, to another release.
    Upgrade,
    /// Back to a release that has served before.
    Rollback,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The new version serves.
    Done,
    /// Something failed after the first process had moved; all of it is back on the version before.
    RolledBack,
    /// Refused before anything changed.
    Refused,
    /// Failed, and not rolled back.
    Failed,
    /// The node died meanwhile; it booted in the permanent release.
    Crashed,
}

impl Outcome {
    /// For people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RolledBack => "rolled back",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
        }
    }
}

/// Who asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct By {
    /// The user, as the kernel says; none: the node itself.
    pub uid: Option<u32>,
    /// The user's name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The client's OS process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_pid: Option<u32>,
    /// What the client says that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// What is about to be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Forward or back.
    pub kind: Kind,
    /// Who asked.
    pub by: By,
    /// Milliseconds since 1970, by the clock of that time.
    pub at_ms: u64,
    /// The version that served then.
    pub from: Option<Version>,
    /// The version that is wanted.
    pub to: Version,
}

/// What is being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Its place in the history; never given twice.
    pub number: u64,
    /// Forward or back.
    pub kind: Kind,
    /// Who asked.
    pub by: By,
    /// Milliseconds since 1970, by the clock of that time.
    pub at_ms: u64,
    /// The version that served then.
    pub from: Option<Version>,
    /// The version that is wanted.
    pub to: Version,
    /// The last step that was journaled.
    pub step: String,
}

/// What came of it, in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conclusion {
    /// `None`: there was nothing to do, and the history keeps no word of it.
    pub outcome: Option<Outcome>,
    /// The version that boots from now on; `None`: as before.
    pub permanent: Option<Version>,
    /// A version that is not to be tried again unless forced.
    pub quarantined: Option<Version>,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Why it did not come about.
    pub message: Option<String>,
    /// None: nobody was paused.
    pub pauses: Option<Pauses>,
    /// Processes that went on in the new code.
    pub migrated: u64,
    /// Processes that were left to finish in the old code.
    pub drained: u64,
}

/// An attempt and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// What was tried.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// What came of it.
    pub outcome: Outcome,
    /// How long it took, in microseconds; none: nobody lived to measure it.
    #[serde(default)]
    pub took_us: Option<u64>,
    /// Why it did not come about.
    #[serde(default)]
    pub message: Option<String>,
    /// None: nobody was paused.
    #[serde(default)]
    pub pauses: Option<Pauses>,
    /// Processes that went on in the new code.
    #[serde(default)]
    pub migrated: u64,
    /// Processes that were left to finish in the old code.
    #[serde(default)]
    pub drained: u64,
}

impl Start {
    /// With its number, and before its first step.
    #[must_use]
    pub(super) fn numbered(self, number: u64) -> Attempt {
        let Self { kind, by, at_ms, from, to } = self;
        Attempt { number, kind, by, at_ms, from, to, step: "begin".to_owned() }
    }
}

impl Attempt {
    /// An attempt that nobody lived to end.
    #[must_use]
    pub(super) fn crashed(self) -> Entry {
        let (outcome, message) = (Outcome::Crashed, "the node died before it had finished".to_owned());
        Entry { attempt: self, outcome, took_us: None, message: Some(message), pauses: None, migrated: 0, drained: 0 }
    }

    /// With what came of it.
    #[must_use]
    pub(super) fn ended(self, outcome: Outcome, conclusion: Conclusion) -> Entry {
        let Conclusion { took_us, message, pauses, migrated, drained, .. } = conclusion;
        let message = message.map(|message| message.chars().take(MESSAGE_LEN_MAX).collect());
        Entry { attempt: self, outcome, took_us: Some(took_us), message, pauses, migrated, drained }
    }
}

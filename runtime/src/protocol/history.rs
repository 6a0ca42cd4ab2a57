//! What the control socket says of upgrades that were.

use super::Pauses;
use serde::{Deserialize, Serialize};

/// Answer to `history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The version that an upgrade that goes on is to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_progress: Option<String>,
    /// What has ended, the last one first.
    pub upgrades: Vec<PastUpgrade>,
}

/// An upgrade or a roll-back, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastUpgrade {
    /// Its place in the history.
    pub number: u64,
    /// Back to a version that had served before.
    pub is_rollback: bool,
    /// When it began, in milliseconds since 1970.
    pub at_ms: u64,
    /// The version that served then.
    pub from: Option<String>,
    /// The version that was wanted.
    pub to: String,
    /// `done`, `rolled back`, `refused`, `failed` or `crashed`.
    pub outcome: String,
    /// How long it took, in microseconds; none: nobody lived to measure it.
    pub took_us: Option<u64>,
    /// Why it did not come about.
    pub message: Option<String>,
    /// How long processes stood still that moved; none: nobody was paused.
    pub pauses: Option<Pauses>,
    /// Processes that went on in the new code.
    pub migrated: u64,
    /// Processes that were left to finish in the old code.
    pub drained: u64,
    /// The user who asked, if that is known.
    pub by: Option<String>,
}

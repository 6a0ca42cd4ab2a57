//! What the control socket says of an upgrade that is done.

use super::OnProbation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an upgrade ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Upgraded {
    /// Version before.
    pub from: String,
    /// Version that serves now.
    pub to: String,
    /// False when `to` was current already.
    pub changed: bool,
    /// From request to switch, in microseconds.
    pub switched_after_us: u64,
    /// Processes still on versions that are not current.
    pub draining: u64,
    /// How long each process that moved stood still.
    #[serde(default)]
    pub pauses: Pauses,
    /// It is not permanent yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probation: Option<OnProbation>,
}

/// How long processes stood still that moved: from when one begins to write its state until it can be run again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pauses {
    /// How many processes moved.
    pub count: u64,
    /// Half of them stood still no longer than this, in nanoseconds.
    pub p50_ns: u64,
    /// Of a hundred, ninety-nine.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many stood still for how long, the shortest first, without those that are empty.
    #[serde(default)]
    pub buckets: Vec<PauseBucket>,
}

/// Pauses of about the same length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseBucket {
    /// None was longer, in nanoseconds: 1, 2 or 5 times a power of ten, of a microsecond at the least. Each was longer than that of the bucket before.
    pub up_to_ns: u64,
    /// So many.
    pub count: u64,
}

//! What a release says of its upgrade: how processes move, and what comes later, of a version on probation and of processes that stay behind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the processes of a version that is not current, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnDrain {
    /// What, but for types that have a policy of their own.
    pub then: DrainPolicy,
    /// How long they may take yet, in milliseconds.
    pub in_ms: u64,
}

/// What becomes of processes that have not finished by their deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainPolicy {
    /// They finish when they do.
    #[default]
    Leave,
    /// They get the exit signal `shutdown`, which they may trap.
    Ask,
    /// They are killed.
    Kill,
}

/// How processes move to another version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MovePolicy {
    /// One by one, each in its own time: both versions run meanwhile, and talk to each other.
    #[default]
    Each,
    /// All at once: nobody goes on in the new version before all others stand still.
    Barrier,
}

/// A version that serves and does not boot yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnProbation {
    /// What boots, and what is gone back to.
    pub from: String,
    /// What serves.
    pub to: String,
    /// How long it takes yet, in milliseconds.
    pub ends_in_ms: u64,
    /// What comes of it if nobody says anything and nothing is wrong with it.
    pub unconfirmed: Unconfirmed,
}

/// The end of a probation that nobody has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unconfirmed {
    /// It goes.
    RolledBack,
    /// It stays.
    Permanent,
}

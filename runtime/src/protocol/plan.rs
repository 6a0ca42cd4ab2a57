//! What an upgrade would do, as `upgrade --dry-run` says it. The node takes these steps and no others when it is asked for the upgrade itself.

use super::{DrainPolicy, MovePolicy, Unconfirmed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An upgrade, planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The application's name.
    pub name: String,
    /// The version that serves.
    pub from: String,
    /// The version that is wanted.
    pub to: String,
    /// False when it serves already: there is nothing to do.
    pub changes: bool,
    /// What was looked at before; a refused one refuses the upgrade.
    pub checks: Vec<PlannedCheck>,
    /// What comes of it if nobody confirms it; none: it is permanent at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<Unconfirmed>,
    /// How those move that do.
    #[serde(default, rename = "move")]
    pub moves: MovePolicy,
    /// In their order; none behind a check that refuses.
    pub steps: Vec<PlannedStep>,
    /// What becomes of each plugin, in the order of the release; empty where there is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<PlannedPlugin>,
    /// The processes of all older versions and of the one that serves, by type, most first.
    pub processes: Vec<PlannedProcesses>,
    /// How long those may take that finish where they are, in milliseconds, until what is said of them happens.
    #[serde(default)]
    pub drain_deadline_ms: u64,
    /// The sockets that the node listens on; none: they are known when the new version is loaded, and not before.
    pub listeners: Option<Vec<PlannedListener>>,
    /// What is run of the node's folder.
    pub hooks: Vec<PlannedHook>,
}

/// A plugin before and then: the same version of both is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedPlugin {
    /// Its name.
    pub name: String,
    /// The version of the build that serves; none: it is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// That of the build that is wanted; none: it is dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedCheck {
    /// `signature`, `quarantine`, `application`, `abi`, `target`, `version`, `states`, `messages`, `plugins`, `versions`, `config`, `listeners` or `plan`.
    pub check: String,
    /// What came of it.
    pub outcome: CheckOutcome,
    /// One sentence; empty if there is nothing to say.
    pub message: String,
    /// More, in lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// Nothing stands against it.
    Passed,
    /// One should know of it.
    Warning,
    /// It refuses the upgrade.
    Refused,
}

/// A step, and how long it may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedStep {
    /// Its name, as the events of an upgrade have it.
    pub step: String,
    /// No more than this, in milliseconds, for all of it …
    pub at_most_ms: u64,
    /// … and of it for each process, if it is about processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each_at_most_ms: Option<u64>,
}

/// Processes of one type and version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct PlannedProcesses {
    /// The type's name.
    pub name: String,
    /// The version that they run on.
    pub version: String,
    /// How many.
    pub processes: u64,
    /// The name of their declared state, if they have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// What becomes of them.
    pub fate: Fate,
    /// If they finish where they are, and have not by the plan's `drain_deadline_ms`.
    #[serde(default)]
    pub then: DrainPolicy,
}

/// What becomes of processes at an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// They go on in the new version.
    Moves,
    /// They run already on the wanted version.
    Arrived,
    /// Children of the application's tree that do not move: permanent ones are stopped and started anew, the others finish.
    Renewed,
    /// They finish where they are.
    Finishes,
}

/// A listening socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedListener {
    /// The declared name.
    pub name: String,
    /// `IP:PORT` as it is bound, or will be.
    pub address: String,
    /// What becomes of it.
    pub change: ListenerChange,
}

/// What becomes of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ListenerChange {
    /// The same socket goes on.
    Kept,
    /// It is bound.
    Added,
    /// It is closed when the upgrade is done.
    Dropped,
}

/// A hook that is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedHook {
    /// `before` or `after`.
    pub hook: String,
    /// How long it may take, in milliseconds.
    pub at_most_ms: u64,
}

/// A listener as an application declares it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclaredListener {
    /// Its name.
    pub name: String,
    /// `IP:PORT`, as it was written.
    pub address: String,
}

//! What a node runs, as `status` says it.

use super::{OnDrain, OnProbation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a node runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    /// The application's name.
    pub name: String,
    /// The OS process.
    pub os_pid: u32,
    /// Milliseconds since the node was up.
    pub uptime_ms: u64,
    /// Version of the runtime.
    pub runtime: String,
    /// The node's folder.
    pub root: String,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Schedulers.
    pub schedulers: u32,
    /// How many of them are online; 0: a node of before, which does not say.
    #[serde(default)]
    pub schedulers_online: u32,
    /// Processes that run on a thread of their own because they do not give way.
    #[serde(default)]
    pub long_runners: u64,
    /// How often a scheduler went on on another thread because of one.
    #[serde(default)]
    pub hand_offs: u64,
    /// Threads that never run again, since a process on them was killed that did not give way, or has overflowed its stack or aborted.
    #[serde(default)]
    pub frozen_threads: u64,
    /// Bytes that those hold: stack in use, and what their processes had allocated.
    #[serde(default)]
    pub leaked_bytes: u64,
    /// Loaded builds that are not current and have no processes: an image is never unloaded.
    #[serde(default)]
    pub quiet_images: u64,
    /// Processes alive.
    pub processes: u64,
    /// Where it answers scrapers; none: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<String>,
    /// So many may be; 0: a node of before, which does not say.
    #[serde(default)]
    pub processes_max: u32,
    /// Sockets that the node listens on.
    pub listeners: Vec<ListenerStatus>,
    /// The version that serves is on probation; none: it is permanent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probation: Option<OnProbation>,
    /// The version of the release that serves; empty: a node of before, whose current version it is.
    #[serde(default)]
    pub release: String,
    /// Loaded versions of its plugins that are current or have processes, newest first.
    pub versions: Vec<VersionStatus>,
}

/// A listening socket.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ListenerStatus {
    /// The declared name.
    pub name: String,
    /// `IP:PORT` as bound.
    pub address: String,
}

/// A loaded version.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VersionStatus {
    /// The plugin; empty: a node of before, which has one.
    #[serde(default)]
    pub plugin: String,
    /// The release that had it last; empty: a node of before, where it is the version.
    #[serde(default)]
    pub release: String,
    /// Such as `0.1.0+3f2a91bc`.
    pub version: String,
    /// `current`, `draining` or `drained`.
    pub state: String,
    /// Processes alive on it.
    pub processes: u64,
    /// Milliseconds since it became current.
    pub age_ms: u64,
    /// The application's root process on this version; none: it has none.
    #[serde(default)]
    pub root: Option<RootStatus>,
    /// Processes by type, most first; why the version still lives.
    pub process_types: Vec<ProcessTypeStatus>,
    /// If it is not current: the pids of some of those that hold it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_by: Vec<String>,
    /// When those that are left do not finish by themselves; none: they are left to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<OnDrain>,
}

/// An application's root process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RootStatus {
    /// Its pid.
    pub pid: String,
    /// `running`, or `ended`: then the version's tree is gone, and the log says why.
    pub state: String,
    /// Processes alive that it started itself.
    pub children: u64,
}

/// Processes of one type.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessTypeStatus {
    /// The type's name.
    pub name: String,
    /// How many are alive.
    pub processes: u64,
}

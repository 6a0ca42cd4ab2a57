//! What the control socket says of what is inside: processes, shares, trees, stacks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which processes, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// By what they are sorted: most first, but pids.
    #[serde(default)]
    pub sort: Sort,
    /// So many at the most. None: all, in no order, as events.
    #[serde(default)]
    pub limit: Option<u32>,
    /// Those alone whose pid, type or version contains this.
    #[serde(default)]
    pub filter: Option<String>,
}

/// What processes are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sort {
    /// Processor time: all of it, or in the interval.
    #[default]
    Cpu,
    /// Bytes allocated.
    Memory,
    /// Messages that wait.
    Mailbox,
    /// Polls.
    Polls,
    /// Time since it began.
    Uptime,
    /// Slot, then generation.
    Pid,
}

/// A process as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcessStatus {
    /// Its pid.
    pub pid: String,
    /// Names that it is registered by.
    pub names: Vec<String>,
    /// Its type.
    pub process_type: String,
    /// The version that it runs on.
    pub version: String,
    /// `waiting`, `runnable`, `running`, `long runner`, `paused` or `moving`.
    pub state: String,
    /// The function that it stands in, of its plugin's own code, with file and line: `spin kinds.rs:182`; none: nobody asked, or it was not found out in time.
    #[serde(default)]
    pub current: Option<String>,
    /// Percent of one processor in the interval; none: there is no interval.
    #[serde(default)]
    pub cpu_percent: Option<f64>,
    /// Nanoseconds of processor time.
    pub cpu_ns: u64,
    /// Polls that have begun.
    pub polls: u64,
    /// Bytes that it has allocated, as far as its image counts them.
    pub memory_bytes: i64,
    /// Messages that wait.
    pub mailbox: u32,
    /// Messages that it has received.
    pub received: u64,
    /// Milliseconds since it began, to some 20.
    pub uptime_ms: u64,
    /// Processes linked with it.
    pub links: u64,
    /// Processes that it monitors.
    pub monitors: u64,
    /// Processes that monitor it.
    pub monitored_by: u64,
    /// Who started it; none: the node.
    pub parent: Option<String>,
    /// `low`, `normal` or `high`.
    pub priority: String,
}

/// Answer to `processes`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Processes {
    /// Processes alive.
    pub total: u64,
    /// Those that the filter lets through.
    pub matched: u64,
    /// Those that were asked for; none when they came as events.
    pub processes: Vec<ProcessStatus>,
}

/// Answer to `top`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Top {
    /// Microseconds that were measured.
    pub interval_us: u64,
    /// What all scheduler threads have used, in percent of one processor.
    pub schedulers_percent: f64,
    /// What all processes have used that live at the end; the difference is scheduling, and processes that have ended.
    pub processes_percent: f64,
    /// Schedulers online.
    pub schedulers_online: u32,
    /// Processes alive.
    pub total: u64,
    /// Those that the filter lets through.
    pub matched: u64,
    /// Those that run or could.
    pub busy: u64,
    /// Those that were asked for.
    pub processes: Vec<ProcessStatus>,
}

/// Answer to `tree`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trees {
    /// Versions that are current or have processes, newest first.
    pub versions: Vec<VersionTree>,
}

/// The tree of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VersionTree {
    /// Such as `0.1.0+3f2a91bc`.
    pub version: String,
    /// `current` or `draining`.
    pub state: String,
    /// Processes alive on it.
    pub processes: u64,
    /// Its root process; none: it has none, or it has ended.
    pub root: Option<TreeNode>,
}

/// A process and those that it has started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TreeNode {
    /// Its pid.
    pub pid: String,
    /// Names that it is registered by.
    pub names: Vec<String>,
    /// Its type.
    pub process_type: String,
    /// The version that it runs on.
    pub version: String,
    /// Those that it has started, oldest slot first.
    pub children: Vec<TreeNode>,
    /// More of them, which are not listed.
    pub more: u64,
}

/// Answer to `kill`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Killed {
    /// Its pid.
    pub pid: String,
    /// Its type.
    pub process_type: String,
    /// It has ended; false: it goes on until it gives way, or since it traps exits.
    pub has_ended: bool,
}

/// Answer to `stack`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stack {
    /// Its pid.
    pub pid: String,
    /// Its type.
    pub process_type: String,
    /// The version that it runs on.
    pub version: String,
    /// What it did when it was looked at.
    pub state: String,
    /// Where it stands; of one that waits, each place where it does. None for one that waits for what leaves no trace.
    pub stacks: Vec<Vec<Frame>>,
    /// Nanoseconds for which its thread copied its stack.
    pub cost_ns: u64,
}

/// A function on a stack, innermost first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Frame {
    /// Its name; without symbols, the object and the place in it.
    pub function: String,
    /// The source file, if the debug information says.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
    /// It is inlined into the next one.
    pub is_inlined: bool,
    /// The version that the code is of; none: the node, or a library.
    pub version: Option<String>,
}

//! What the node answers, as far as applications have a use for it. What a newer node says beside it is skipped.

use crate::process::Pid;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What the node runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The version of the release that serves.
    pub release: String,
    /// Milliseconds since the node was up.
    pub uptime_ms: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// Processes alive.
    pub processes: u64,
    /// Threads that never run again, since a process on them was killed that did not give way.
    #[serde(default)]
    pub frozen_threads: u64,
    /// Loaded versions of its plugins that are current or have processes, newest first.
    pub versions: Vec<Version>,
}

/// A loaded version of a plugin.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// The plugin.
    pub plugin: String,
    /// Such as `0.1.0+3f2a91bc`.
    pub version: String,
    /// `current` or `draining`.
    pub state: String,
    /// Processes alive on it.
    pub processes: u64,
    /// Milliseconds since it became current.
    pub age_ms: u64,
    /// Processes by type, most first.
    pub process_types: Vec<ProcessType>,
}

/// Processes of one type.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProcessType {
    /// The type's name.
    pub name: String,
    /// How many are alive.
    pub processes: u64,
}

/// Who uses the processors.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Top {
    /// What all scheduler threads have used, in percent of one processor.
    pub schedulers_percent: f64,
    /// Processes alive.
    pub total: u64,
    /// Those that run or could.
    pub busy: u64,
    /// Those that were asked for.
    pub processes: Vec<Process>,
}

/// A process as it is now.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Process {
    /// Its identity.
    pub pid: Pid,
    /// Names that it is registered by.
    pub names: Vec<String>,
    /// Its type.
    pub process_type: String,
    /// The version that it runs on.
    pub version: String,
    /// `waiting`, `runnable`, `running`, `long runner`, `paused` or `moving`.
    pub state: String,
    /// Percent of one processor in the interval; `None`: there is no interval.
    #[serde(default)]
    pub cpu_percent: Option<f64>,
    /// Nanoseconds of processor time.
    pub cpu_ns: u64,
    /// Polls that have begun.
    pub polls: u64,
    /// Bytes that it has allocated.
    pub memory_bytes: i64,
    /// Messages that wait.
    pub mailbox: u32,
    /// Milliseconds since it began.
    pub uptime_ms: u64,
    /// Who started it; `None`: the node.
    pub parent: Option<Pid>,
}

/// Where a process stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stack {
    /// Its identity.
    pub pid: Pid,
    /// What it did when it was looked at.
    pub state: String,
    /// Where it stands; of one that waits, each place where it does. None for one that waits for what leaves no trace.
    pub stacks: Vec<Vec<Frame>>,
}

/// A function on a stack, innermost first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// Its name.
    pub function: String,
    /// The source file, if the debug information says.
    pub file: Option<String>,
    /// Its line.
    pub line: Option<u32>,
}

/// Something that has happened to a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Traced {
    /// Nanoseconds since the trace began.
    pub at_ns: u64,
    /// What, such as `received` or `polled`.
    pub event: String,
    /// The rest of it, by name.
    #[serde(flatten, deserialize_with = "texts")]
    pub details: BTreeMap<String, String>,
}

/// Upgrades that were.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct History {
    /// The version that an upgrade that goes on is to.
    #[serde(default)]
    pub in_progress: Option<String>,
    /// What has ended, the last one first.
    pub upgrades: Vec<PastUpgrade>,
}

/// An upgrade or a roll-back, and what came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
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
    /// How long it took, in microseconds; `None`: nobody lived to measure it.
    pub took_us: Option<u64>,
    /// Why it did not come about.
    pub message: Option<String>,
    /// How long processes stood still that moved; `None`: nobody was paused.
    pub pauses: Option<Pauses>,
    /// Processes that went on in the new code.
    pub migrated: u64,
}

/// How long processes stood still that moved.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pauses {
    /// Half of them no longer than this, in nanoseconds.
    pub p50_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// Some of a trace.
#[derive(Deserialize)]
pub(super) struct Happened {
    pub(super) happened: Vec<Traced>,
}

/// The end of a trace says nothing that is not known.
#[derive(Deserialize)]
pub(super) struct TraceEnd {}

#[derive(Deserialize)]
pub(super) struct Killed {
    pub(super) has_ended: bool,
}

/// Values of whatever kind, as text.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let text = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(values.into_iter().map(|(name, value)| (name, text(value))).collect())
}

impl fmt::Display for Traced {
    /// `received message_type=…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.event)?;
        self.details.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_node_says_beside_it_is_skipped() {
        let text = r#"{"reply":"done","pid":"<1.1>","state":"running","stacks":[[{"function":"f","file":"a.rs","line":3,"is_hot":true}]],"new":1}"#;
        let stack: Stack = serde_json::from_str(text).expect("understood");
        assert_eq!((stack.stacks[0][0].line, stack.state.as_str()), (Some(3), "running"));
    }

    #[test]
    fn what_has_happened_reads_as_a_line() {
        let text = r#"{"at_ns":5,"event":"polled","took_ns":7,"outcome":"pending"}"#;
        let traced: Traced = serde_json::from_str(text).expect("understood");
        assert_eq!(traced.to_string(), "polled outcome=pending took_ns=7");
    }
}

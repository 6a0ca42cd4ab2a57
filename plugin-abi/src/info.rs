//! What the node knows of a process.

use crate::ffi;
use crate::process::Pid;
use crate::spawn::Priority;
use std::time::Duration;

/// A process as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessInfo {
    /// Its identity.
    pub pid: Pid,
    /// Who started it; `None`: the node.
    pub parent: Option<Pid>,
    /// The name of its type, for people.
    pub type_name: String,
    /// How often it was polled.
    pub polls: u64,
    /// Processor time of its polls, with that of the one that runs.
    pub cpu: Duration,
    /// Messages that it has received.
    pub received: u64,
    /// Messages that wait in its mailbox.
    pub mailbox: u32,
    /// Who goes first.
    pub priority: Priority,
    /// Bytes that it has allocated and not freed; see [`alloc`](crate::alloc). Below zero when it has freed what others had allocated.
    pub memory: i64,
    /// Whether it runs at this moment.
    pub is_running: bool,
}

/// What the node knows of a process; `None` when it is dead.
#[must_use]
pub fn process_info(pid: Pid) -> Option<ProcessInfo> {
    let info = ffi::process_info(pid.get())?;
    Some(ProcessInfo {
        pid,
        parent: (info.parent != 0).then(|| Pid::from_raw(info.parent)),
        type_name: ffi::type_name_of(&info),
        polls: info.polls,
        cpu: Duration::from_nanos(info.cpu_ns),
        received: info.received,
        mailbox: info.mailbox,
        priority: Priority::from_abi(info.priority),
        memory: info.memory,
        is_running: info.running != 0,
    })
}

//! The node itself: what it uses, and its schedulers.

use crate::ffi;
use std::fmt;
use std::time::Duration;

/// The node as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeInfo {
    /// Its name: that of the release.
    pub name: String,
    /// Since it was started.
    pub uptime: Duration,
    /// Bytes of resident memory.
    pub memory: u64,
    /// Processor time of all schedulers. What it grows by in a second, by the schedulers online, is their usage.
    pub cpu: Duration,
    /// Processes alive, of all versions.
    pub processes: u64,
    /// Schedulers.
    pub schedulers: u32,
    /// How many of them are online.
    pub schedulers_online: u32,
}

/// What the node is and uses, counted now: cheap enough for ten times a second. `None` outside of a node.
#[must_use]
pub fn node_info() -> Option<NodeInfo> {
    let info = ffi::node_info()?;
    Some(NodeInfo {
        name: ffi::name_of(&info),
        uptime: Duration::from_nanos(info.uptime_ns),
        memory: info.memory,
        cpu: Duration::from_nanos(info.cpu_ns),
        processes: info.processes,
        schedulers: info.schedulers,
        schedulers_online: info.schedulers_online,
    })
}

/// How many schedulers the node has: as many as it has processors, as a rule.
#[must_use]
pub fn schedulers() -> u32 {
    ffi::schedulers().0
}

/// How many of them are online: so many processes run at the same time, at the most.
#[must_use]
pub fn schedulers_online() -> u32 {
    ffi::schedulers().1
}

/// Sets how many schedulers are online, while the node runs. Processes that wait for one that goes offline are run by the others; the one
/// that it runs may end its turn first.
///
/// # Errors
/// There are not so many, or it would be none.
pub fn set_schedulers_online(count: u32) -> Result<(), NotSoMany> {
    if ffi::set_schedulers_online(count) { Ok(()) } else { Err(NotSoMany { schedulers: schedulers() }) }
}

/// There are not so many schedulers, or none would be left online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSoMany {
    /// How many there are.
    pub schedulers: u32,
}

impl fmt::Display for NotSoMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "between 1 and {} schedulers can be online", self.schedulers)
    }
}

impl std::error::Error for NotSoMany {}

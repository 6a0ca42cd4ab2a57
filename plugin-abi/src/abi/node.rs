//! What a node says of itself.

use super::Slice;

/// A node as it is now. Grows at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NodeInfo {
    /// `size_of::<Self>()` on the plugin's side: the host fills no more.
    pub size: usize,
    /// Text: the node's name. Valid for the life of the OS process.
    pub name: Slice,
    /// Nanoseconds since the node was started.
    pub uptime_ns: u64,
    /// Bytes of resident memory.
    pub memory: u64,
    /// Nanoseconds of processor time of all scheduler threads, those that have ended included.
    pub cpu_ns: u64,
    /// Processes alive.
    pub processes: u64,
    /// Schedulers.
    pub schedulers: u32,
    /// How many of them are online.
    pub schedulers_online: u32,
}

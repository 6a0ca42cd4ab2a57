//! A process as it crosses: a future of the plugin, polled by the host's schedulers.

use super::{Opaque, Slice, Status};
use core::ffi::c_void;

/// A future that the host takes over. `data` is owned: the host calls `drop` exactly once, unless a poll never returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProcessFuture {
    /// Passed to each function.
    pub data: Opaque,
    /// The functions. Valid for the life of the OS process.
    pub vtable: *const ProcessVtable,
}

/// The functions of one process type. Never called from two threads at once for one `data`.
#[repr(C)]
#[derive(Debug)]
pub struct ProcessVtable {
    /// `size_of::<Self>()` on the side that made it.
    pub size: usize,
    /// Polls once: `POLL_*`. `waker` is the process's own waker data, borrowed for the call, of the vtable
    /// [`HostTable::process_waker`](super::HostTable::process_waker).
    pub poll: unsafe extern "C" fn(data: Opaque, waker: *const c_void) -> u32,
    /// Drops the future: `STATUS_OK` or `STATUS_PANICKED`.
    pub drop: unsafe extern "C" fn(data: Opaque) -> Status,
    /// Text: the process type's name, for people. Valid for the life of the OS process.
    pub type_name: extern "C" fn() -> Slice,
}

/// Not finished; its waker will be called.
pub const POLL_PENDING: u32 = 0;
/// Finished normally.
pub const POLL_READY: u32 = 1;
/// Panicked; the plugin has passed the text to `set_exit_detail`.
pub const POLL_PANICKED: u32 = 2;

/// Why a process ended: `EXIT_*`, as in OTP.
pub type ExitCode = u32;
/// Its future finished.
pub const EXIT_NORMAL: ExitCode = 0;
/// It panicked; the detail is the panic's text and location.
pub const EXIT_PANIC: ExitCode = 1;
/// It was killed.
pub const EXIT_KILLED: ExitCode = 2;
/// It was dead before the monitor was set.
pub const EXIT_NOPROC: ExitCode = 3;
/// The node stopped.
pub const EXIT_SHUTDOWN: ExitCode = 4;

//! The host's function table: what a plugin may ask of the runtime.

use super::{AbiWaker, MessageHeader, Pid, ProcessFuture, Slice, Status, WakerVtable};

/// Append-only within a major version; the host's `size` says how much of it there is.
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// `size_of::<Self>()` on the host's side.
    pub size: usize,
    /// The host's ABI version.
    pub abi_major: u32,
    /// The host's ABI version.
    pub abi_minor: u32,
    /// The vtable of every process's own waker.
    pub process_waker: *const WakerVtable,

    /// Writes a log event. The host adds time, pid and version.
    pub log: unsafe extern "C" fn(event: *const LogEvent),

    /// Starts a process on `image`. On `STATUS_OK` the future is the host's; on `STATUS_LIMIT`, and on `STATUS_DENIED` (`init` of
    /// that image has not returned), still the caller's.
    pub spawn: unsafe extern "C" fn(image: u64, future: *const ProcessFuture, pid: *mut Pid) -> Status,
    /// The current process; 0 outside of one.
    pub self_pid: extern "C" fn() -> Pid,
    /// Kills a process. `STATUS_NONE`: it is dead already.
    pub kill: extern "C" fn(pid: Pid) -> Status,
    /// The current process gets a [`DownMessage`](super::DownMessage) when `pid` ends; at once when it is dead.
    /// Returns the monitor's reference, never 0; 0 outside of a process.
    pub monitor: extern "C" fn(pid: Pid) -> u64,
    /// Takes a monitor of the current process back. A message already in the mailbox stays there.
    pub demonitor: extern "C" fn(pid: Pid, reference: u64),
    /// The text that goes with `POLL_PANICKED`. For the current process, copied.
    pub set_exit_detail: unsafe extern "C" fn(text: Slice),

    /// Puts a message into a mailbox and wakes its process. On `STATUS_OK` it is the host's; on `STATUS_NONE`
    /// (no such process) still the caller's.
    pub send: unsafe extern "C" fn(pid: Pid, message: *mut MessageHeader) -> Status,
    /// Takes the oldest message out of the current process's mailbox: `STATUS_OK`, `STATUS_NONE` when empty,
    /// `STATUS_DENIED` when `pid` is not the current process. The message is the caller's.
    pub receive: unsafe extern "C" fn(pid: Pid, message: *mut *mut MessageHeader) -> Status,

    /// Wakes once, `after_ns` nanoseconds from now or a little later. Takes the waker. Never 0.
    pub timer_start: unsafe extern "C" fn(after_ns: u64, waker: AbiWaker) -> u64,
    /// Takes a timer back. Once it has fired, without effect.
    pub timer_cancel: extern "C" fn(timer: u64),

    /// Watches a non-blocking file descriptor. Returns 0, or an `errno`. The caller deregisters before it closes.
    pub io_register: unsafe extern "C" fn(fd: i32, source: *mut u64) -> i32,
    /// Ends the watch. The source's number is dead from then on.
    pub io_deregister: extern "C" fn(source: u64),
    /// Readiness for one of `IO_*`: 0 and the waker is kept (cloned from the borrowed one, in place of an earlier one for
    /// the same interest), or a token for `io_clear`. For a dead source: a token, so that the next system call tells.
    pub io_ready: unsafe extern "C" fn(source: u64, interest: u32, waker: *const AbiWaker) -> u64,
    /// The system call said `EAGAIN`: not ready any more, unless something came after the token was given.
    pub io_clear: extern "C" fn(source: u64, interest: u32, token: u64),

    /// Gives an idle connection to the current image's listener of that name, with bytes read and not used. On `STATUS_OK` the
    /// file descriptor is the new process's (deregister its source before); else it is still the caller's.
    pub hand_over: unsafe extern "C" fn(listener: Slice, fd: i32, unread: Slice) -> Status,
}

// SAFETY: the pointers are to functions and to a static vtable, never written.
#[expect(unsafe_code, reason = "a static of pointers to statics")]
unsafe impl Sync for HostTable {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "a static of pointers to statics")]
unsafe impl Send for HostTable {}

/// Ready to read.
pub const IO_READ: u32 = 1;
/// Ready to write.
pub const IO_WRITE: u32 = 2;

/// Something is wrong.
pub const LOG_ERROR: u32 = 1;
/// Something may be wrong.
pub const LOG_WARN: u32 = 2;
/// News.
pub const LOG_INFO: u32 = 3;
/// For developers.
pub const LOG_DEBUG: u32 = 4;
/// For developers, all of it.
pub const LOG_TRACE: u32 = 5;

/// One log event, borrowed for the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct LogEvent {
    /// `size_of::<Self>()` on the plugin's side.
    pub size: usize,
    /// `ImageContext::id` of the image that says it.
    pub image: u64,
    /// `LOG_*`.
    pub level: u32,
    /// Source line; 0: unknown.
    pub line: u32,
    /// Text: source file; empty: unknown.
    pub file: Slice,
    /// Text: the module.
    pub target: Slice,
    /// Text: the message.
    pub message: Slice,
    /// Text: a JSON object of the other fields; empty: none.
    pub fields: Slice,
}

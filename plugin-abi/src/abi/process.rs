//! A process as it crosses: a future of the plugin, polled by the host's schedulers.

use super::{MessageVtable, Opaque, OwnedBytes, Pid, Slice, Status};
use core::ffi::c_void;
use core::sync::atomic::{AtomicI64, AtomicU32};

/// A future that the host takes over. `data` is owned: the host calls `drop` exactly once, unless a poll never returns.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProcessFuture {
    /// Passed to each function.
    pub data: Opaque,
    /// The functions. Valid for the life of the OS process.
    pub vtable: *const ProcessVtable,
}

/// What a process's waker data points to; never freed, while the OS process lives: what its image and the host tell each other without a call.
#[repr(C)]
#[derive(Debug)]
pub struct ProcessShared {
    /// Bytes that the process has allocated and not freed, as far as its image counts them. Written by the image, while it polls.
    pub memory: AtomicI64,
    /// `KILLED`, `HAS_CHECKPOINTS`, `ASKED` and `TRACED`, or-ed together, each by the side that says so.
    pub flags: AtomicU32,
    /// Not 0: the poll stands where it must not be stopped for ever, such as in an allocator. Written by the image, while it polls.
    pub busy: AtomicU32,
}

/// It was killed: a poll that does not return soon should unwind. Said by the host.
pub const KILLED: u32 = 1;
/// This poll looks at `killed` now and then: it is given time to see it. Said by the image.
pub const HAS_CHECKPOINTS: u32 = 2;
/// Its state is wanted: at its next boundary it asks [`HostTable::state_wanted`](super::HostTable::state_wanted). Said by the host, which
/// wakes it.
pub const ASKED: u32 = 4;
/// Somebody wants to know where it waits: the waker of a poll is not the one of earlier polls, so that each future that waits clones it,
/// and the host sees from where. Said by the host, which wakes it.
pub const TRACED: u32 = 8;

/// The functions of one process type. Never called from two threads at once for one `data`.
#[repr(C)]
#[derive(Debug)]
pub struct ProcessVtable {
    /// `size_of::<Self>()` on the side that made it.
    pub size: usize,
    /// Polls once: `POLL_*`. `waker` is the process's own waker data, borrowed for the call, of the vtable
    /// [`HostTable::process_waker`](super::HostTable::process_waker); it points to a [`ProcessShared`].
    pub poll: unsafe extern "C" fn(data: Opaque, waker: *const c_void) -> u32,
    /// Drops the future: `STATUS_OK` or `STATUS_PANICKED`.
    pub drop: unsafe extern "C" fn(data: Opaque) -> Status,
    /// Text: the process type's name, for people. Valid for the life of the OS process.
    pub type_name: extern "C" fn() -> Slice,
    /// The type of the messages that it takes, of its own image; null: it takes none.
    pub message: *const MessageVtable,
    /// Bytes that `data` itself has.
    pub len: usize,
    /// Its declared state. `None`: it stays on its image until it ends.
    pub state: Option<unsafe extern "C" fn(out: *mut StateType)>,
    /// In place of `drop`, when this is not the process: it has moved to another image, or was restored and never put into its place. What
    /// moves with the process is not touched.
    pub drop_moved: unsafe extern "C" fn(data: Opaque) -> Status,
}

/// By what a process moves from image to image.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct StateType {
    /// `size_of::<Self>()` on the host's side: the image fills no more.
    pub size: usize,
    /// Text: the state's name, the same in each version of the plugin. Valid for the life of the OS process.
    pub name: Slice,
    /// The version of it that the process has.
    pub version: u32,
}

/// A process's state as one image writes it and another reads it.
#[repr(C)]
#[derive(Debug)]
pub struct GivenState {
    /// `size_of::<Self>()` on the plugin's side.
    pub size: usize,
    /// `STATUS_OK`; or why there is none.
    pub status: Status,
    /// The state; or text: why there is none. The host's from here on.
    pub bytes: OwnedBytes,
}

/// Nothing: go on.
pub const WANT_NOTHING: u32 = 0;
/// A copy, for a rehearsal: give it and go on.
pub const WANT_COPY: u32 = 1;
/// The state itself: give it and return [`POLL_SUSPENDED`].
pub const WANT_STATE: u32 = 2;
/// Of an application's root process that has moved: what its image has added to its tree is to be started. Nothing is given when that is done;
/// or why it cannot be, and then the process moves back.
pub const WANT_START: u32 = 3;
/// Of an application's root process: it stays on this image, so what that does not have in its tree is to be stopped. Nothing is given when that is done.
pub const WANT_SETTLE: u32 = 4;

// SAFETY: the pointer is to a static vtable, never written.
#[expect(unsafe_code, reason = "a static of pointers to statics")]
unsafe impl Sync for ProcessVtable {}

/// How a process starts.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SpawnOptions {
    /// `size_of::<Self>()` on the plugin's side.
    pub size: usize,
    /// `SPAWN_*`, or-ed together.
    pub flags: u32,
    /// `PRIORITY_*`.
    pub priority: u32,
    /// More messages than this do not fit into its mailbox; 0: any number does.
    pub mailbox_limit: u32,
}

/// What a spawn gives.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Spawned {
    /// The new process.
    pub pid: Pid,
    /// With [`SPAWN_MONITOR`] the monitor's reference, else 0.
    pub reference: u64,
}

/// The current process and the new one are linked before either goes on.
pub const SPAWN_LINK: u32 = 1;
/// The current process monitors the new one from its beginning.
pub const SPAWN_MONITOR: u32 = 2;

/// Runs before all others. For short work that others wait for.
pub const PRIORITY_HIGH: u32 = 2;
/// As a rule.
pub const PRIORITY_NORMAL: u32 = 1;
/// Runs when nobody else wants to, and now and then all the same.
pub const PRIORITY_LOW: u32 = 0;

/// Not finished; its waker will be called.
pub const POLL_PENDING: u32 = 0;
/// Finished: normally.
pub const POLL_READY: u32 = 1;
/// Finished for another reason, which the plugin has passed to `set_exit`.
pub const POLL_EXITED: u32 = 2;
/// Unwound since it was killed.
pub const POLL_KILLED: u32 = 3;
/// It has given its state, and is not polled again, unless it must go on where it is.
pub const POLL_SUSPENDED: u32 = 4;

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
/// It was told to stop, by its supervisor or since the node stops.
pub const EXIT_SHUTDOWN: ExitCode = 4;
/// A reason of the application's own: the detail.
pub const EXIT_ERROR: ExitCode = 5;

/// What a node knows of a process.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ProcessInfo {
    /// `size_of::<Self>()` on the plugin's side: the host fills no more.
    pub size: usize,
    /// Its identity.
    pub pid: Pid,
    /// Who started it; 0: the node.
    pub parent: Pid,
    /// [`ImageContext::id`](super::ImageContext::id) of the image that it runs on.
    pub image: u64,
    /// Text: its type's name. Valid for the life of the OS process.
    pub type_name: Slice,
    /// Polls that have begun.
    pub polls: u64,
    /// Nanoseconds of processor time, with those of the poll that runs.
    pub cpu_ns: u64,
    /// Messages that it has received.
    pub received: u64,
    /// Messages in its mailbox.
    pub mailbox: u32,
    /// `PRIORITY_*`.
    pub priority: u32,
    /// As [`ProcessShared::memory`] says.
    pub memory: i64,
    /// 1: it runs now.
    pub running: u32,
}

/// The name of the state of the SDK's supervisors: what they have started is stopped with them.
pub const SUPERVISOR_STATE: &str = "plugin_abi::Supervisor";

//! The host's function table: what a plugin may ask of the runtime.

use super::{
    AbiWaker, ExitCode, GivenState, MessageHeader, NodeInfo, OwnedBytes, Pid, ProcessFuture, ProcessInfo, Slice,
    SpawnOptions, Spawned, Status, WakerVtable,
};

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
    /// that image has not returned, or a link or monitor was asked for outside of a process), still the caller's.
    pub spawn: unsafe extern "C" fn(
        image: u64,
        future: *const ProcessFuture,
        options: *const SpawnOptions,
        spawned: *mut Spawned,
    ) -> Status,
    /// The current process; 0 outside of one.
    pub self_pid: extern "C" fn() -> Pid,
    /// Kills a process: between two polls its future is dropped; one whose poll does not return is stopped where it is.
    /// `STATUS_NONE`: it is dead already; `STATUS_LIMIT`: so many were stopped that this one goes on until its poll returns.
    pub kill: extern "C" fn(pid: Pid) -> Status,
    /// The current process gets a [`DownMessage`](super::DownMessage) when `pid` ends; at once when it is dead.
    /// Returns the monitor's reference, never 0; 0 outside of a process.
    pub monitor: extern "C" fn(pid: Pid) -> u64,
    /// Takes a monitor of the current process back: no message comes. `STATUS_NONE`: there is none such any more; its message is in the mailbox,
    /// or on its way, unless it was taken back before.
    pub demonitor: extern "C" fn(pid: Pid, reference: u64) -> Status,
    /// Links the current process and `pid`: when one ends, the other gets an exit signal. If `pid` is dead, the current process
    /// gets one of `EXIT_NOPROC`.
    pub link: extern "C" fn(pid: Pid),
    /// Takes a link of the current process back. A message already in the mailbox stays there.
    pub unlink: extern "C" fn(pid: Pid),
    /// Sends an exit signal in the current process's name. It ends the receiver for that reason, unless it traps exits (then it
    /// gets an [`ExitMessage`](super::ExitMessage)), or the reason is `EXIT_NORMAL` and the sender is another.
    /// `STATUS_NONE`: it is dead already.
    pub exit: unsafe extern "C" fn(pid: Pid, reason: ExitCode, detail: Slice) -> Status,
    /// Exit signals to the current process become messages (1), or end it (0: at its beginning).
    pub trap_exits: extern "C" fn(on: u32),
    /// The reason that goes with `POLL_EXITED`, and its text. For the current process, copied.
    pub set_exit: unsafe extern "C" fn(reason: ExitCode, detail: Slice),
    /// Sets the current process's `PRIORITY_*`, from its next turn on.
    pub set_priority: extern "C" fn(priority: u32),

    /// Puts a message into a mailbox and wakes its process. On `STATUS_OK` it is the host's, else still the caller's:
    /// `STATUS_NONE`: no such process; `STATUS_LIMIT`: its mailbox is full; `STATUS_DENIED`: it takes no messages of this type;
    /// `STATUS_FAILED`: it runs on another image, and the message cannot be translated.
    pub send: unsafe extern "C" fn(pid: Pid, message: *mut MessageHeader) -> Status,
    /// Takes the oldest message out of the current process's mailbox: `STATUS_OK`, `STATUS_NONE` when empty,
    /// `STATUS_DENIED` when `pid` is not the current process. The message is the caller's.
    ///
    /// A process is woken by the first message in an empty mailbox and not by those behind: before it waits for one, it takes
    /// messages out until there is none.
    pub receive: unsafe extern "C" fn(pid: Pid, message: *mut *mut MessageHeader) -> Status,

    /// Wakes once, `after_ns` nanoseconds from now or a little later. Takes the waker. Never 0.
    pub timer_start: unsafe extern "C" fn(after_ns: u64, waker: AbiWaker) -> u64,
    /// Takes a timer back. `STATUS_NONE`: it has fired.
    pub timer_cancel: extern "C" fn(timer: u64) -> Status,
    /// Sends a message (the host's from here on) `after_ns` nanoseconds from now or a little later, as `send` does. What cannot be
    /// delivered then is dropped. Returns a timer, never 0.
    pub send_after: unsafe extern "C" fn(pid: Pid, message: *mut MessageHeader, after_ns: u64) -> u64,

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

    /// Gives a process a name, which goes when it ends: `STATUS_EXISTS`: another process has it; `STATUS_NONE`: no such process.
    pub register: unsafe extern "C" fn(name: Slice, pid: Pid) -> Status,
    /// Takes a name back. `STATUS_NONE`: nobody has it.
    pub unregister: unsafe extern "C" fn(name: Slice) -> Status,
    /// Who has a name; 0: nobody.
    pub whereis: unsafe extern "C" fn(name: Slice) -> Pid,
    /// A process becomes a member of a group, until it leaves or ends. `STATUS_EXISTS`: it is one; `STATUS_NONE`: no such process.
    pub group_join: unsafe extern "C" fn(group: Slice, pid: Pid) -> Status,
    /// A process leaves a group. `STATUS_NONE`: it is no member.
    pub group_leave: unsafe extern "C" fn(group: Slice, pid: Pid) -> Status,
    /// The members of a group, by age of their slot: [`Pid`]s, one after the other, in this machine's byte order.
    pub group_members: unsafe extern "C" fn(group: Slice, out: *mut OwnedBytes),

    /// How many schedulers there are.
    pub schedulers: extern "C" fn() -> u32,
    /// How many of them are online.
    pub schedulers_online: extern "C" fn() -> u32,
    /// Sets how many are online. `STATUS_LIMIT`: not between 1 and `schedulers`.
    pub set_schedulers_online: extern "C" fn(count: u32) -> Status,

    /// Below this address the current thread has not enough stack left to call the host, or an allocator: a call of the host there ends
    /// the process. 0: not known. Stays the same for a thread.
    pub stack_limit: extern "C" fn() -> usize,
    /// What the node knows of a process. `STATUS_NONE`: it is dead.
    pub process_info: unsafe extern "C" fn(pid: Pid, out: *mut ProcessInfo) -> Status,
    /// As `receive`, but the message is to be read later: until then it takes room in a bounded mailbox.
    pub keep: unsafe extern "C" fn(pid: Pid, message: *mut *mut MessageHeader) -> Status,
    /// So many kept messages of the current process have been read.
    pub read_kept: extern "C" fn(count: u32),
    /// A message that was kept goes back, to the front of the current process's mailbox. `STATUS_DENIED` when `pid` is another: it is
    /// still the caller's.
    pub put_back: unsafe extern "C" fn(pid: Pid, message: *mut MessageHeader) -> Status,

    /// What is wanted of the current process, which stands at a boundary: `WANT_*`, and in which version.
    pub state_wanted: unsafe extern "C" fn(version: *mut u32) -> u32,
    /// Gives what was wanted. `STATUS_OK`: it was taken; `STATUS_NONE`: it is not wanted any more, and the process goes on.
    pub give_state: unsafe extern "C" fn(state: *mut GivenState) -> Status,
    /// The tree of the current process's application did not start, and this process, its root, ends. The text, borrowed for the call, says why. A
    /// node that has just booted that version ends, too.
    pub start_failed: unsafe extern "C" fn(reason: Slice),

    /// Whether events of that level, `LOG_*`, and target, text borrowed for the call, are logged: 1 or 0. The answer holds until `log_changed`.
    pub log_enabled: unsafe extern "C" fn(level: u32, target: Slice) -> u32,

    /// What the node is and uses, counted now: cheap enough for ten times a second. `STATUS_NONE`: the node says nothing of itself.
    pub node_info: unsafe extern "C" fn(out: *mut NodeInfo) -> Status,
    /// One end of a stream socket, non-blocking and closed on `exec`, at whose other end the node answers one request of the control
    /// protocol: those that look at processes, versions and the history, or end a process; no other. On `STATUS_OK` the descriptor is the
    /// caller's. `STATUS_LIMIT`: so many are open already; `STATUS_NONE`: the node answers nothing, or not yet; `STATUS_FAILED`: the system gives no socket.
    pub inside: unsafe extern "C" fn(fd: *mut i32) -> Status,
    /// As `receive`; but `STATUS_LAST` when it is the last one: the process will be woken for the next, so that it need not ask again in this poll.
    pub receive_next: unsafe extern "C" fn(pid: Pid, message: *mut *mut MessageHeader) -> Status,
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

//! The host's table, as safe functions.

use super::entry::owned;
use super::message::{RawMessage, reason_parts};
use super::waker::{abi_waker, borrowed_abi_waker};
use crate::abi::{
    ABI_MAJOR, ABI_MINOR, GivenState, HostTable, ImageContext, MessageHeader, OwnedBytes, Pid, ProcessFuture,
    ProcessInfo, STATUS_DENIED, STATUS_FAILED, STATUS_LAST, STATUS_OK, Slice, SpawnOptions, Spawned, Status,
};
use crate::exit::ExitReason;
use std::os::fd::{BorrowedFd, IntoRawFd as _, OwnedFd, RawFd};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::task::Waker;

/// What `init` was given.
#[derive(Clone, Copy)]
pub(crate) struct Host {
    pub(super) plugin: &'static str,
    pub(super) table: &'static HostTable,
    pub(super) image: &'static ImageContext,
}

static HOST: OnceLock<Host> = OnceLock::new();

/// Remembers the plugin's name, table and context.
///
/// # Safety
/// Both pointers are valid for ever, to as many bytes as they say, as `Entry::init`'s contract says.
pub(super) unsafe fn set_host(
    plugin: &'static str,
    table: *const HostTable,
    image: *const ImageContext,
) -> Result<(), String> {
    // SAFETY: by the contract; sizes and versions stand first in every version, the rest may be shorter than ours.
    let (major, minor, table_size, image_size) =
        unsafe { ((*table).abi_major, (*table).abi_minor, (*table).size, (*image).size) };
    if major != ABI_MAJOR || table_size < size_of::<HostTable>() || image_size < size_of::<ImageContext>() {
        return Err(format!("this plugin needs ABI {ABI_MAJOR}.{ABI_MINOR}, and the node has {major}.{minor}"));
    }
    // SAFETY: by the contract, and long enough, as checked.
    let (table, image) = unsafe { (&*table, &*image) };
    HOST.set(Host { plugin, table, image }).map_err(|_| "this image was initialised before".to_owned())
}

#[inline]
fn host() -> &'static Host {
    HOST.get().expect("this code runs in a node only: it was called before the node initialised the plugin")
}

/// The host, if there is one: for what must not panic.
pub(super) fn try_host() -> Option<&'static Host> {
    HOST.get()
}

pub(super) fn process_waker_vtable() -> *const crate::abi::WakerVtable {
    host().table.process_waker
}

/// `IMAGE_*`.
#[inline]
pub(crate) fn image_state() -> u32 {
    host().image.state.load(Ordering::Acquire)
}

/// The image's number.
#[inline]
pub(crate) fn image_id() -> u64 {
    host().image.id
}

/// The plugin's name.
pub(crate) fn plugin() -> &'static str {
    host().plugin
}

/// The image's version.
pub(crate) fn image_version() -> &'static str {
    // SAFETY: the context's text lives as long as the OS process.
    str::from_utf8(unsafe { host().image.version.as_bytes() }).unwrap_or("?")
}

/// Gives a process to the host. Refused, with the host's answer: the future was dropped.
pub(crate) fn spawn(future: ProcessFuture, options: &SpawnOptions) -> Result<Spawned, Status> {
    let host = host();
    let mut spawned = Spawned::default();
    // SAFETY: futures are made by `into_process` alone, valid and of this image; on refusal it is ours still.
    unsafe {
        match (host.table.spawn)(host.image.id, &raw const future, options, &raw mut spawned) {
            STATUS_OK => Ok(spawned),
            refused => {
                ((*future.vtable).drop)(future.data);
                Err(refused)
            }
        }
    }
}

/// 0: not in a process.
#[inline]
pub(crate) fn self_pid() -> Pid {
    (host().table.self_pid)()
}

/// True when it ends, or will.
pub(crate) fn kill(pid: Pid) -> bool {
    (host().table.kill)(pid) == STATUS_OK
}

/// 0: not in a process.
pub(crate) fn monitor(pid: Pid) -> u64 {
    (host().table.monitor)(pid)
}

/// False: its message is there, or on its way.
pub(crate) fn demonitor(pid: Pid, reference: u64) -> bool {
    (host().table.demonitor)(pid, reference) == STATUS_OK
}

pub(crate) fn link(pid: Pid) {
    (host().table.link)(pid);
}

pub(crate) fn unlink(pid: Pid) {
    (host().table.unlink)(pid);
}

/// Sends an exit signal. True when there was somebody to get it.
pub(crate) fn exit(pid: Pid, reason: &ExitReason) -> bool {
    let (code, detail) = reason_parts(reason);
    // SAFETY: valid for the call.
    unsafe { (host().table.exit)(pid, code, Slice::text(detail)) == STATUS_OK }
}

pub(crate) fn trap_exits(on: bool) {
    (host().table.trap_exits)(u32::from(on));
}

/// The reason for which the poll that runs ends its process.
pub(super) fn set_exit(reason: &ExitReason) {
    let (code, detail) = reason_parts(reason);
    // SAFETY: valid for the call.
    unsafe { (host().table.set_exit)(code, Slice::text(detail)) };
}

/// Of the current process, `PRIORITY_*`.
pub(crate) fn set_priority(priority: u32) {
    (host().table.set_priority)(priority);
}

/// Sends, or gives the message back with the host's answer.
#[inline]
pub(crate) fn send(pid: Pid, message: RawMessage) -> Result<(), (RawMessage, Status)> {
    let raw = message.into_raw();
    // SAFETY: a valid message, ours to give; on refusal it is ours still.
    unsafe {
        match (host().table.send)(pid, raw) {
            STATUS_OK => Ok(()),
            refused => Err((RawMessage::from_raw(raw), refused)),
        }
    }
}

/// Sends later. Returns the timer's number.
pub(crate) fn send_after(pid: Pid, message: RawMessage, after_ns: u64) -> u64 {
    // SAFETY: a valid message, given away.
    unsafe { (host().table.send_after)(pid, message.into_raw(), after_ns) }
}

/// The oldest message in the current process's mailbox; and whether others wait there.
///
/// # Panics
/// When `pid` is not the current process.
#[inline]
pub(super) fn receive(pid: Pid) -> (Option<RawMessage>, bool) {
    take_by(host().table.receive_next, pid)
}

/// The same, to be read later: until [`read_kept`] is called for it, it takes room.
#[inline]
pub(super) fn keep(pid: Pid) -> Option<RawMessage> {
    take_by(host().table.keep, pid).0
}

/// So many kept messages of the current process have been read.
pub(super) fn read_kept(count: u32) {
    (host().table.read_kept)(count);
}

/// Puts a kept message of the current process back into its mailbox, in front.
pub(super) fn put_back(message: RawMessage) {
    let host = host();
    let pid = (host.table.self_pid)();
    let raw = message.into_raw();
    // SAFETY: a valid message, ours to give; on refusal it is ours still.
    unsafe {
        if (host.table.put_back)(pid, raw) != STATUS_OK {
            drop(RawMessage::from_raw(raw));
        }
    }
}

/// What the node wants of the current process, `WANT_*`, and in which version.
pub(crate) fn state_wanted() -> (u32, u32) {
    let mut version = 0;
    // SAFETY: `version` is ours to write to.
    let want = unsafe { (host().table.state_wanted)(&raw mut version) };
    (want, version)
}

/// Gives what was wanted, or the reason why there is none: the host's answer.
pub(crate) fn give_state(state: Result<Vec<u8>, String>) -> Status {
    let (status, bytes) = match state {
        Ok(bytes) => (STATUS_OK, bytes),
        Err(reason) => (STATUS_FAILED, reason.into_bytes()),
    };
    let mut given = GivenState { size: size_of::<GivenState>(), status, bytes: owned(bytes) };
    // SAFETY: valid for the call; the bytes are given away.
    unsafe { (host().table.give_state)(&raw mut given) }
}

type Take = unsafe extern "C" fn(Pid, *mut *mut MessageHeader) -> Status;

#[inline]
fn take_by(take: Take, pid: Pid) -> (Option<RawMessage>, bool) {
    let mut raw = std::ptr::null_mut();
    // SAFETY: one of the host's functions for it; `raw` is ours to write to.
    match unsafe { take(pid, &raw mut raw) } {
        // SAFETY: the host gives a valid message away.
        status @ (STATUS_OK | STATUS_LAST) => (Some(unsafe { RawMessage::from_raw(raw) }), status == STATUS_OK),
        STATUS_DENIED => panic!("a mailbox was used outside of the process it belongs to"),
        _ => (None, false),
    }
}

/// Wakes once, `after_ns` from now. Returns the timer's number.
pub(crate) fn timer_start(after_ns: u64, waker: &Waker) -> u64 {
    // SAFETY: an owned waker, given away.
    unsafe { (host().table.timer_start)(after_ns, abi_waker(waker)) }
}

/// False: it has fired.
pub(crate) fn timer_cancel(timer: u64) -> bool {
    (host().table.timer_cancel)(timer) == STATUS_OK
}

/// Watches a descriptor, which the caller keeps open until it has deregistered the source.
pub(crate) fn io_register(fd: BorrowedFd<'_>) -> std::io::Result<u64> {
    use std::os::fd::AsRawFd as _;
    let mut source = 0;
    // SAFETY: `source` is ours to write to.
    match unsafe { (host().table.io_register)(fd.as_raw_fd(), &raw mut source) } {
        0 => Ok(source),
        error => Err(std::io::Error::from_raw_os_error(error)),
    }
}

pub(crate) fn io_deregister(source: u64) {
    (host().table.io_deregister)(source);
}

/// A token when ready; 0 when the waker will be called.
pub(crate) fn io_ready(source: u64, interest: u32, waker: &Waker) -> u64 {
    let host = host();
    // SAFETY: the borrowed waker is valid for the call.
    borrowed_abi_waker(waker, |waker| unsafe { (host.table.io_ready)(source, interest, waker) })
}

pub(crate) fn io_clear(source: u64, interest: u32, token: u64) {
    (host().table.io_clear)(source, interest, token);
}

/// Gives a socket to the current image's listener of that name, or back.
pub(crate) fn hand_over(listener: &str, fd: OwnedFd, unread: &[u8]) -> Result<(), OwnedFd> {
    use std::os::fd::FromRawFd as _;
    let raw: RawFd = fd.into_raw_fd();
    // SAFETY: slices valid for the call; the descriptor is given away, and ours still when it is refused.
    unsafe {
        if (host().table.hand_over)(Slice::text(listener), raw, Slice::new(unread)) == STATUS_OK {
            Ok(())
        } else {
            Err(OwnedFd::from_raw_fd(raw))
        }
    }
}

/// Gives a process a name: the host's answer.
pub(crate) fn register(name: &str, pid: Pid) -> Status {
    // SAFETY: valid for the call.
    unsafe { (host().table.register)(Slice::text(name), pid) }
}

/// False: nobody has it.
pub(crate) fn unregister(name: &str) -> bool {
    // SAFETY: valid for the call.
    unsafe { (host().table.unregister)(Slice::text(name)) == STATUS_OK }
}

/// 0: nobody.
pub(crate) fn whereis(name: &str) -> Pid {
    // SAFETY: valid for the call.
    unsafe { (host().table.whereis)(Slice::text(name)) }
}

/// Makes a process a member: the host's answer.
pub(crate) fn group_join(group: &str, pid: Pid) -> Status {
    // SAFETY: valid for the call.
    unsafe { (host().table.group_join)(Slice::text(group), pid) }
}

/// False: it is no member.
pub(crate) fn group_leave(group: &str, pid: Pid) -> bool {
    // SAFETY: valid for the call.
    unsafe { (host().table.group_leave)(Slice::text(group), pid) == STATUS_OK }
}

/// The members of a group.
pub(crate) fn group_members(group: &str) -> Vec<Pid> {
    let mut bytes = OwnedBytes::EMPTY;
    // SAFETY: valid for the call; the bytes are freed once, by the function that came with them.
    unsafe {
        (host().table.group_members)(Slice::text(group), &raw mut bytes);
        let run = Slice { ptr: bytes.ptr, len: bytes.len }.as_bytes();
        let members = run.as_chunks().0.iter().map(|raw| Pid::from_ne_bytes(*raw)).collect();
        if let Some(free) = bytes.free {
            free(bytes.ptr, bytes.len, bytes.capacity);
        }
        members
    }
}

/// How many schedulers there are, and how many of them are online.
pub(crate) fn schedulers() -> (u32, u32) {
    let table = host().table;
    ((table.schedulers)(), (table.schedulers_online)())
}

/// False: there are not so many.
pub(crate) fn set_schedulers_online(count: u32) -> bool {
    (host().table.set_schedulers_online)(count) == STATUS_OK
}

/// What the host knows of a process.
pub(crate) fn process_info(pid: Pid) -> Option<ProcessInfo> {
    let mut info = ProcessInfo {
        size: size_of::<ProcessInfo>(),
        pid,
        parent: 0,
        image: 0,
        type_name: Slice::EMPTY,
        polls: 0,
        cpu_ns: 0,
        received: 0,
        mailbox: 0,
        priority: 0,
        memory: 0,
        running: 0,
    };
    // SAFETY: valid for a write of as much as its size says.
    unsafe { (host().table.process_info)(pid, &raw mut info) == STATUS_OK }.then_some(info)
}

/// The name in what [`process_info`] gave.
pub(crate) fn type_name_of(info: &ProcessInfo) -> String {
    // SAFETY: it lives as long as the OS process.
    String::from_utf8_lossy(unsafe { info.type_name.as_bytes() }).into_owned()
}

/// The application's tree did not start.
pub(crate) fn start_failed(reason: &str) {
    // SAFETY: valid for the call.
    unsafe { (host().table.start_failed)(Slice::text(reason)) }
}

/// Below this address, this thread has not enough stack left to call the host or an allocator. 0: not known.
pub(super) fn stack_limit() -> usize {
    (host().table.stack_limit)()
}

//! Doors to processes: spawn, ends, ties.

use super::text;
use crate::image::{self, Image};
use crate::log::Said;
use crate::process::{Birth, Pid, Priority, Process, Reason, table};
use crate::scheduler::{self, Happened, InHost, current_process, trace};
use plugin_abi::abi::{
    self, ExitCode, ProcessFuture, ProcessInfo, SPAWN_LINK, SPAWN_MONITOR, STATUS_DENIED, STATUS_LIMIT, STATUS_NONE,
    STATUS_OK, Slice, SpawnOptions, Spawned, Status,
};

/// With who says it: the process, if any, and the image's version.
pub(super) fn says(image: u64, said: Said) -> Said {
    let process = current_process();
    let version = image::find(image).map(|image| image.version);
    said.by(process.map(|process| process.pid().to_string()), version, process.map(Process::type_name))
}

pub(super) unsafe extern "C" fn spawn(
    image: u64,
    future: *const ProcessFuture,
    options: *const SpawnOptions,
    spawned: *mut Spawned,
) -> Status {
    let _host = InHost::enter();
    let Some(image) = spawning_image(image) else { return STATUS_DENIED };
    // SAFETY: the table's contract: valid options.
    let options = unsafe { &*options };
    let parent = current_process();
    if parent.is_none() && options.flags & (SPAWN_LINK | SPAWN_MONITOR) != 0 {
        return STATUS_DENIED;
    }
    let birth = Birth {
        image,
        // SAFETY: the table's contract: a valid future.
        future: unsafe { *future },
        parent: parent.map(|parent| parent.pid()),
        priority: Priority::from_abi(options.priority),
        mailbox_limit: options.mailbox_limit,
        born: scheduler::stamp(),
    };
    // SAFETY: the future is of that image, and given away; `spawned` is valid for a write.
    unsafe {
        let Some(new) = scheduler::begin(&birth) else { return STATUS_LIMIT };
        let mut out = Spawned { pid: new.pid().get(), reference: 0 };
        if let Some(parent) = parent {
            if trace::is_on() {
                trace::note(parent.pid(), || Happened::Spawned(new.pid()));
            }
            if options.flags & SPAWN_LINK != 0 {
                scheduler::link(parent, new.pid());
            }
            if options.flags & SPAWN_MONITOR != 0 {
                out.reference = scheduler::monitor(parent, new.pid());
            }
        }
        spawned.write(out);
        new.start();
    }
    STATUS_OK
}

/// The image that asks: as a rule the current process's own.
fn spawning_image(id: u64) -> Option<&'static Image> {
    let own = current_process().map(|process| process.image());
    own.filter(|own| own.context.id == id).or_else(|| image::find(id))
}

pub(super) extern "C" fn self_pid() -> abi::Pid {
    let _host = InHost::enter();
    current_process().map_or(0, |process| process.pid().get())
}

pub(super) extern "C" fn kill(pid: abi::Pid) -> Status {
    let _host = InHost::enter();
    match table::find(Pid::from_raw(pid)) {
        Some(process) if process.state.is_alive() => {
            let is_first = process.shared.set_killed();
            match scheduler::kill(process.process()) {
                true if is_first => STATUS_OK,
                true => STATUS_NONE,
                false => STATUS_LIMIT,
            }
        }
        _ => STATUS_NONE,
    }
}

pub(super) extern "C" fn monitor(pid: abi::Pid) -> u64 {
    let _host = InHost::enter();
    current_process().map_or(0, |watcher| scheduler::monitor(watcher, Pid::from_raw(pid)))
}

pub(super) extern "C" fn demonitor(pid: abi::Pid, reference: u64) -> Status {
    let _host = InHost::enter();
    match current_process() {
        Some(watcher) if scheduler::demonitor(watcher, Pid::from_raw(pid), reference) => STATUS_OK,
        _ => STATUS_NONE,
    }
}

pub(super) extern "C" fn link(pid: abi::Pid) {
    let _host = InHost::enter();
    if let Some(process) = current_process() {
        scheduler::link(process, Pid::from_raw(pid));
    }
}

pub(super) extern "C" fn unlink(pid: abi::Pid) {
    let _host = InHost::enter();
    if let Some(process) = current_process() {
        scheduler::unlink(process, Pid::from_raw(pid));
    }
}

pub(super) unsafe extern "C" fn exit(pid: abi::Pid, code: ExitCode, detail: Slice) -> Status {
    let _host = InHost::enter();
    let from = current_process().map(|process| process.pid());
    match table::find(Pid::from_raw(pid)) {
        Some(process) if process.state.is_alive() => {
            // SAFETY: the table's contract: text, valid for the call.
            scheduler::signal(process.process(), from, unsafe { reason(code, detail) });
            STATUS_OK
        }
        _ => STATUS_NONE,
    }
}

/// # Safety
/// `detail` is text, valid for the call.
unsafe fn reason(code: ExitCode, detail: Slice) -> Reason {
    // SAFETY: by the contract.
    let detail = unsafe { text(detail) };
    Reason { code, detail: (!detail.is_empty()).then(|| detail.into()) }
}

pub(super) extern "C" fn trap_exits(on: u32) {
    let _host = InHost::enter();
    if let Some(process) = current_process() {
        process.fate.open(|books| books.traps_exits = on != 0);
    }
}

pub(super) unsafe extern "C" fn set_exit(code: ExitCode, detail: Slice) {
    let _host = InHost::enter();
    let Some(process) = current_process() else { return };
    // SAFETY: the table's contract: text, valid for the call.
    let reason = unsafe { reason(code, detail) };
    process.fate.open(|books| books.reason = Some(reason));
}

pub(super) extern "C" fn set_priority(priority: u32) {
    let _host = InHost::enter();
    if let Some(process) = current_process() {
        process.set_priority(Priority::from_abi(priority));
    }
}

pub(super) extern "C" fn stack_limit() -> usize {
    scheduler::stack_limit()
}

pub(super) unsafe extern "C" fn process_info(pid: abi::Pid, out: *mut ProcessInfo) -> Status {
    let _host = InHost::enter();
    let Some(process) = table::find(Pid::from_raw(pid)).filter(|process| process.state.is_alive()) else {
        return STATUS_NONE;
    };
    let info = scheduler::info(&process);
    let filled = ProcessInfo {
        size: size_of::<ProcessInfo>(),
        pid: info.pid.get(),
        parent: info.parent.map_or(0, Pid::get),
        image: info.image,
        type_name: Slice::text(info.type_name),
        polls: info.polls,
        cpu_ns: u64::try_from(info.taken.as_nanos()).unwrap_or(u64::MAX),
        received: info.received,
        mailbox: info.mailbox,
        priority: info.priority.to_abi(),
        memory: info.memory,
        running: u32::from(info.is_running()),
    };
    // SAFETY: the table's contract: valid for a write of as many bytes as `size` says, which a later version may have more of.
    unsafe {
        let len = (*out).size.min(size_of::<ProcessInfo>());
        std::ptr::copy_nonoverlapping((&raw const filled).cast::<u8>(), out.cast::<u8>(), len);
    }
    STATUS_OK
}

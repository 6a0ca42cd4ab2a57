//! Doors to processes: spawn, kill, monitor, send, receive.

use super::text;
use crate::image::{self, Image};
use crate::process::{Message, Pid, table};
use crate::scheduler::{self, current_process};
use plugin_abi::abi::{
    self, MessageHeader, ProcessFuture, STATUS_DENIED, STATUS_LIMIT, STATUS_NONE, STATUS_OK, Slice, Status,
};
use std::sync::Arc;

/// Who says it: the pid, if any, and the image's version.
pub(super) fn origin(image: u64) -> String {
    let version = image::find(image).map_or("host", |image| image.version);
    match current_process() {
        Some(process) => format!("{} {version}", process.pid()),
        None => version.to_owned(),
    }
}

pub(super) unsafe extern "C" fn spawn(image: u64, future: *const ProcessFuture, pid: *mut abi::Pid) -> Status {
    let Some(image) = spawning_image(image) else { return STATUS_DENIED };
    // SAFETY: the table's contract: a valid future of that image, given away; `pid` is valid for a write.
    unsafe {
        match scheduler::spawn(image, *future) {
            Some(new) => {
                pid.write(new.get());
                STATUS_OK
            }
            None => STATUS_LIMIT,
        }
    }
}

/// The image that asks: as a rule the current process's own.
fn spawning_image(id: u64) -> Option<&'static Image> {
    let own = current_process().map(|process| process.image());
    own.filter(|own| own.context.id == id).or_else(|| image::find(id))
}

pub(super) extern "C" fn self_pid() -> abi::Pid {
    current_process().map_or(0, |process| process.pid().get())
}

pub(super) extern "C" fn kill(pid: abi::Pid) -> Status {
    match table::find(Pid::from_raw(pid)) {
        Some(process) if process.state.is_alive() => {
            scheduler::kill(process.process());
            STATUS_OK
        }
        _ => STATUS_NONE,
    }
}

pub(super) extern "C" fn monitor(pid: abi::Pid) -> u64 {
    current_process().map_or(0, |watcher| scheduler::monitor(watcher, Pid::from_raw(pid)))
}

pub(super) extern "C" fn demonitor(pid: abi::Pid, reference: u64) {
    if let Some(watcher) = current_process() {
        scheduler::demonitor(watcher, Pid::from_raw(pid), reference);
    }
}

pub(super) unsafe extern "C" fn set_exit_detail(detail: Slice) {
    let Some(process) = current_process() else { return };
    // SAFETY: the table's contract: text, valid for the call.
    let detail: Arc<str> = unsafe { text(detail) }.into();
    process.fate.open(|books| books.detail = Some(detail));
}

pub(super) unsafe extern "C" fn send(pid: abi::Pid, message: *mut MessageHeader) -> Status {
    let Some(process) = table::find(Pid::from_raw(pid)) else { return STATUS_NONE };
    // SAFETY: the table's contract: a valid message, given away unless we refuse it.
    match process.mailbox.push(unsafe { Message::from_raw(message) }) {
        Ok(()) => {
            scheduler::wake(process.process());
            STATUS_OK
        }
        Err(refused) => {
            refused.into_raw();
            STATUS_NONE
        }
    }
}

pub(super) unsafe extern "C" fn receive(pid: abi::Pid, message: *mut *mut MessageHeader) -> Status {
    let Some(process) = current_process().filter(|process| process.pid().get() == pid) else { return STATUS_DENIED };
    // SAFETY: the current process is run by this thread, so this thread is its runner; `message` is valid for a write.
    unsafe {
        match process.mailbox.take() {
            Some(taken) => {
                message.write(taken.into_raw());
                STATUS_OK
            }
            None => STATUS_NONE,
        }
    }
}

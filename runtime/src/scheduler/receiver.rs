//! The process that a turn has sent to last: its reference is kept until the turn ends, since whoever sends to one often sends to it again.
//!
//! A reference of a thread that never runs again is given back with its seat (`Seat::vacate`).
#![expect(unsafe_code, reason = "a reference through an atomic pointer")]

use super::seat;
use crate::process::{Handle, Pid, Process, table};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// See the file's head. Written by its thread; by another when that never runs again.
#[derive(Debug, Default)]
pub(super) struct Receiver(AtomicPtr<Process>);

impl Receiver {
    /// The process of that pid, which is referred to until another is asked for, or `let_go`. `None`: it is dead.
    fn get(&self, pid: Pid) -> Option<&'static Process> {
        // SAFETY: only written below, from a handle, whose reference is this place's.
        let kept = unsafe { self.0.load(Ordering::Relaxed).as_ref() };
        if let Some(process) = kept.filter(|process| process.pid() == pid) {
            return Some(process);
        }
        let process = table::find(pid)?.into_reference();
        self.replace(ptr::from_ref(process).cast_mut());
        Some(process)
    }

    /// The turn is over.
    pub(super) fn let_go(&self) {
        if !self.0.load(Ordering::Relaxed).is_null() {
            self.replace(ptr::null_mut());
        }
    }

    fn replace(&self, process: *mut Process) {
        let before = self.0.load(Ordering::Relaxed);
        self.0.store(process, Ordering::Relaxed);
        // SAFETY: as above.
        drop(unsafe { before.as_ref() }.map(Handle::from_reference));
    }
}

/// Sends to the process of that pid, as `send` does, which sends to no other. `Err`: it is dead, or `send` has given the message back.
pub(crate) fn with_receiver<M, R>(
    pid: Pid,
    message: M,
    send: impl FnOnce(&'static Process, M) -> Result<R, M>,
) -> Result<R, M> {
    match seat::own().filter(|seat| seat.process().is_some()) {
        Some(seat) => match seat.receiver.get(pid) {
            Some(process) => send(process, message),
            None => Err(message),
        },
        None => match table::find(pid) {
            Some(process) => send(process.process(), message),
            None => Err(message),
        },
    }
}

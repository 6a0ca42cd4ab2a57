//! What this thread is doing: which queue it serves, which process it runs.

use super::queue::Queue;
use crate::process::Process;
use std::cell::Cell;

thread_local! {
    static QUEUE: Cell<Option<&'static Queue>> = const { Cell::new(None) };
    static PROCESS: Cell<Option<&'static Process>> = const { Cell::new(None) };
}

/// This thread is a scheduler.
pub(super) fn enter(queue: &'static Queue) {
    QUEUE.set(Some(queue));
}

/// The queue that this thread serves. `None`: it is no scheduler, or it is ending.
pub(super) fn queue() -> Option<&'static Queue> {
    QUEUE.try_with(Cell::get).ok().flatten()
}

/// The process that this thread runs.
pub(crate) fn process() -> Option<&'static Process> {
    PROCESS.try_with(Cell::get).ok().flatten()
}

/// Until dropped, this thread runs that process.
#[must_use]
#[derive(Debug)]
pub(super) struct Running(());

pub(super) fn set(process: &'static Process) -> Running {
    PROCESS.set(Some(process));
    Running(())
}

impl Drop for Running {
    fn drop(&mut self) {
        PROCESS.set(None);
    }
}

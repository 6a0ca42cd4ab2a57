//! What this thread is doing: which role it holds, which process it runs.

use super::role::Role;
use crate::process::Process;
use std::cell::Cell;

thread_local! {
    /// The role, and the term for which this thread holds it.
    static ROLE: Cell<Option<(&'static Role, u64)>> = const { Cell::new(None) };
    static PROCESS: Cell<Option<&'static Process>> = const { Cell::new(None) };
}

/// This thread is a scheduler.
pub(super) fn enter(role: &'static Role, term: u64) {
    ROLE.set(Some((role, term)));
}

/// The role that this thread holds. `None`: it is no scheduler, or has lost its role, or is ending.
pub(super) fn role() -> Option<&'static Role> {
    let (role, term) = ROLE.try_with(Cell::get).ok().flatten()?;
    role.is_held(term).then_some(role)
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

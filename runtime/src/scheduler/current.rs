//! Which role this thread holds.

use super::role::Role;
use std::cell::Cell;

thread_local! {
    /// The role, and the term for which this thread holds it.
    static ROLE: Cell<Option<(&'static Role, u64)>> = const { Cell::new(None) };
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

//! The node itself: its schedulers.

use crate::ffi;
use std::fmt;

/// How many schedulers the node has: as many as it has processors, as a rule.
#[must_use]
pub fn schedulers() -> u32 {
    ffi::schedulers().0
}

/// How many of them are online: so many processes run at the same time, at the most.
#[must_use]
pub fn schedulers_online() -> u32 {
    ffi::schedulers().1
}

/// Sets how many schedulers are online, while the node runs. Processes that wait for one that goes offline are run by the others; the one
/// that it runs may end its turn first.
///
/// # Errors
/// There are not so many, or it would be none.
pub fn set_schedulers_online(count: u32) -> Result<(), NotSoMany> {
    if ffi::set_schedulers_online(count) { Ok(()) } else { Err(NotSoMany { schedulers: schedulers() }) }
}

/// There are not so many schedulers, or none would be left online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSoMany {
    /// How many there are.
    pub schedulers: u32,
}

impl fmt::Display for NotSoMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "between 1 and {} schedulers can be online", self.schedulers)
    }
}

impl std::error::Error for NotSoMany {}

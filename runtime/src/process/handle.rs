//! A counted reference to a process.

use super::cell::Process;
use super::table;
use std::mem::ManuallyDrop;
use std::ops::Deref;

/// Keeps the process's slot from being given to another.
#[derive(Debug)]
pub(crate) struct Handle(&'static Process);

impl Handle {
    /// Takes over a reference that the caller has.
    pub(crate) fn from_reference(process: &'static Process) -> Self {
        Self(process)
    }
}

impl Handle {
    /// Gives its reference to the caller.
    pub(crate) fn into_reference(self) -> &'static Process {
        ManuallyDrop::new(self).0
    }

    /// The process, for as long as a reference is held.
    pub(crate) fn process(&self) -> &'static Process {
        self.0
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.0.state.acquire();
        Self(self.0)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if self.0.state.release() {
            table::give_back(self.0);
        }
    }
}

impl Deref for Handle {
    type Target = Process;

    fn deref(&self) -> &Process {
        self.0
    }
}

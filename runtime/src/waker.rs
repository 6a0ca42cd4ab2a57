//! What is to be done when something has come: a waker that crossed the ABI (of a process, or of a plugin's own executor), or a call.
#![expect(unsafe_code, reason = "the owner of a foreign waker calls its functions by the ABI's contract")]

use plugin_abi::abi::{AbiWaker, WakerVtable};
use std::fmt;

/// Done once, or dropped.
#[derive(Debug)]
pub(crate) enum Waker {
    /// Wakes a task.
    Task(Foreign),
    /// Calls the node's own code.
    Call(Call),
}

/// The node's own code.
pub(crate) struct Call(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

/// An owned waker of a plugin or of a process.
#[derive(Debug)]
pub(crate) struct Foreign(AbiWaker);

// SAFETY: the functions of a `WakerVtable` may be called from any thread.
unsafe impl Send for Foreign {}

impl Waker {
    /// # Safety
    /// The caller owns `raw` and gives it away.
    pub(crate) unsafe fn from_raw(raw: AbiWaker) -> Self {
        Self::Task(Foreign(raw))
    }

    /// # Safety
    /// `raw` is valid for the call.
    pub(crate) unsafe fn clone_of(raw: &AbiWaker) -> Self {
        // SAFETY: by the contract.
        let data = unsafe { ((*raw.vtable).clone)(raw.data) };
        Self::Task(Foreign(AbiWaker { data, vtable: raw.vtable }))
    }

    /// Calls `act` on a scheduler's thread: it must be short.
    pub(crate) fn call(act: impl FnOnce() + Send + 'static) -> Self {
        Self::Call(Call(Box::new(act)))
    }

    pub(crate) fn wake(self) {
        match self {
            Self::Task(foreign) => foreign.wake(),
            Self::Call(Call(act)) => act(),
        }
    }
}

impl Foreign {
    /// Are its functions these?
    pub(crate) fn is_of(&self, vtable: &'static WakerVtable) -> bool {
        std::ptr::eq(self.0.vtable, vtable)
    }

    fn wake(self) {
        let AbiWaker { data, vtable } = self.0;
        std::mem::forget(self);
        // SAFETY: we owned it, and give it up here.
        unsafe { ((*vtable).wake)(data) };
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: we own it.
        unsafe { ((*self.0.vtable).drop)(self.0.data) };
    }
}

//! A waker that crossed the ABI: of a process, or of a plugin's own executor.
#![expect(unsafe_code, reason = "the owner of a foreign waker calls its functions by the ABI's contract")]

use plugin_abi::abi::AbiWaker;

/// An owned waker.
#[derive(Debug)]
pub(crate) struct Waker(AbiWaker);

// SAFETY: the functions of a `WakerVtable` may be called from any thread.
unsafe impl Send for Waker {}

impl Waker {
    /// # Safety
    /// The caller owns `raw` and gives it away.
    pub(crate) unsafe fn from_raw(raw: AbiWaker) -> Self {
        Self(raw)
    }

    /// # Safety
    /// `raw` is valid for the call.
    pub(crate) unsafe fn clone_of(raw: &AbiWaker) -> Self {
        // SAFETY: by the contract.
        let data = unsafe { ((*raw.vtable).clone)(raw.data) };
        Self(AbiWaker { data, vtable: raw.vtable })
    }

    pub(crate) fn wake(self) {
        let AbiWaker { data, vtable } = self.0;
        std::mem::forget(self);
        // SAFETY: we owned it, and give it up here.
        unsafe { ((*vtable).wake)(data) };
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        // SAFETY: we own it.
        unsafe { ((*self.0.vtable).drop)(self.0.data) };
    }
}

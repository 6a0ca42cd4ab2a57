//! A message for models: a number that loom sees written by its sender and read by its receiver.

use loom::cell::UnsafeCell;
use plugin_abi::abi::MessageHeader;
use std::ptr::{self, NonNull};
use std::sync::atomic::AtomicPtr;

/// Owned, as the runtime's.
#[derive(Debug)]
pub(crate) struct Message(NonNull<MessageHeader>);

// SAFETY: one owner at a time, which is what the models are about: loom checks it by `value`.
unsafe impl Send for Message {}

#[repr(C)]
struct Numbered {
    header: MessageHeader,
    value: UnsafeCell<u32>,
    /// Loom's: it complains of those that are never dropped.
    _alive: loom::alloc::Track<()>,
}

impl Message {
    pub(crate) fn new(value: u32) -> Self {
        let header = MessageHeader { next: AtomicPtr::new(ptr::null_mut()), vtable: ptr::null(), image: 0 };
        let cell = UnsafeCell::new(0);
        // SAFETY: nobody else has it yet.
        cell.with_mut(|cell| unsafe { *cell = value });
        let numbered = Box::new(Numbered { header, value: cell, _alive: loom::alloc::Track::new(()) });
        Self(NonNull::from(Box::leak(numbered)).cast())
    }

    pub(crate) fn value(&self) -> u32 {
        // SAFETY: made by `new`; loom checks that the write is seen.
        unsafe { self.0.cast::<Numbered>().as_ref().value.with(|value| *value) }
    }

    /// # Safety
    /// Of `into_raw`, once.
    pub(crate) unsafe fn from_raw(raw: *mut MessageHeader) -> Self {
        // SAFETY: by the contract.
        Self(unsafe { NonNull::new_unchecked(raw) })
    }

    pub(crate) fn into_raw(self) -> *mut MessageHeader {
        let raw = self.0.as_ptr();
        std::mem::forget(self);
        raw
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.value();
        // SAFETY: made by `new`; dropped once.
        drop(unsafe { Box::from_raw(self.0.as_ptr().cast::<Numbered>()) });
    }
}

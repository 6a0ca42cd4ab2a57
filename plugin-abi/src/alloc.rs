//! An allocator that says how much each process has allocated, and keeps processes from being stopped within.
//!
//! [`application!`](crate::application!) installs it on top of the system's allocator. A plugin that brings an allocator of its own wraps it:
//!
//! ```
//! # mod example {
//! # #![forbid(unsafe_code)]
//! use plugin_abi::alloc::Counting;
//! use std::alloc::System;
//!
//! #[global_allocator]
//! static ALLOCATOR: Counting<System> = Counting::new(System); // or another one
//!
//! plugin_abi::application!(app, allocator = own);
//! # fn app() -> plugin_abi::Application { plugin_abi::Application::new() }
//! # }
//! # fn main() {}
//! ```
//!
//! A process is charged with what its polls allocate and credited with what they free. Its own future is charged to it, not to whoever
//! started it. A message on its way is nobody's: it lies in a box of the system's allocator; what is behind a pointer in it stays with
//! the sender.
#![expect(unsafe_code, reason = "`GlobalAlloc` is unsafe to implement")]

use crate::abi::ProcessShared;
use crate::ffi;
use std::alloc::{GlobalAlloc, Layout, System};
use std::any::TypeId;
use std::sync::atomic::{AtomicI64, Ordering, compiler_fence};

/// See the module's head.
#[derive(Debug)]
pub struct Counting<A = System>(A);

impl<A> Counting<A> {
    /// On top of another allocator.
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }
}

/// Calls the allocator below, and charges the current process, if there is one. The thread is not stopped for ever meanwhile: the node
/// knows the system's allocator by its place in memory; another one says that it is at work.
#[inline]
fn within<A: 'static, R>(bytes: i64, act: impl FnOnce() -> R) -> R {
    let Some(shared) = ffi::shared() else { return act() };
    charge(&shared.memory, bytes);
    if TypeId::of::<A>() == TypeId::of::<System>() {
        return act();
    }
    busy(shared, act)
}

/// The current process is not stopped meanwhile: others need what it holds.
pub(crate) fn undisturbed<R>(act: impl FnOnce() -> R) -> R {
    match ffi::shared() {
        Some(shared) => busy(shared, act),
        None => act(),
    }
}

#[inline]
fn busy<R>(shared: &ProcessShared, act: impl FnOnce() -> R) -> R {
    // Of this thread alone while it polls, so no read-modify-write needs to be atomic.
    shared.busy.store(shared.busy.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    compiler_fence(Ordering::SeqCst);
    let done = act();
    compiler_fence(Ordering::SeqCst);
    shared.busy.store(shared.busy.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    done
}

#[inline]
fn charge(memory: &AtomicI64, bytes: i64) {
    memory.store(memory.load(Ordering::Relaxed) + bytes, Ordering::Relaxed);
}

/// Charges the current process, if there is one.
#[inline]
pub(crate) fn account(bytes: i64) {
    if let Some(shared) = ffi::shared() {
        charge(&shared.memory, bytes);
    }
}

/// A length as a charge.
#[inline]
pub(crate) fn bytes(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

// SAFETY: every call goes to the allocator below, which keeps the contract; what is counted touches no memory of it.
unsafe impl<A: GlobalAlloc + 'static> GlobalAlloc for Counting<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the caller's contract.
        within::<A, _>(bytes(layout.size()), || unsafe { self.0.alloc(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: by the caller's contract.
        within::<A, _>(-bytes(layout.size()), || unsafe { self.0.dealloc(ptr, layout) });
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: by the caller's contract.
        within::<A, _>(bytes(layout.size()), || unsafe { self.0.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: by the caller's contract.
        within::<A, _>(bytes(new_size) - bytes(layout.size()), || unsafe { self.0.realloc(ptr, layout, new_size) })
    }
}

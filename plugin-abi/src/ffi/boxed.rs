//! The boxes that messages cross in: of the system's allocator, past the one that counts.
//!
//! A message on its way is nobody's: it was charged to its sender and taken off again, and the same the other way round where it was
//! taken out. So it is not counted at all, whatever allocator the plugin has.

use super::future::shared;
use std::alloc::{GlobalAlloc as _, Layout, System, handle_alloc_error};
use std::ptr;

/// Puts a value into a box. `T` has a size.
#[inline]
pub(super) fn put<T>(value: T) -> *mut T {
    // An allocator must have stack enough: as one that counts does, this ends the process before it has not.
    shared();
    let layout = Layout::new::<T>();
    // SAFETY: of a size above 0: every message begins with a header.
    let raw = unsafe { System.alloc(layout) }.cast::<T>();
    if raw.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: fresh, and laid out for a `T`.
    unsafe { raw.write(value) };
    raw
}

/// A box without what was in it.
struct Empty<T>(*mut T);

impl<T> Drop for Empty<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: of `put`, freed once.
        unsafe { System.dealloc(self.0.cast(), Layout::new::<T>()) };
    }
}

/// Takes the value out of its box.
///
/// # Safety
/// Of [`put`], and the caller's to give away.
#[inline]
pub(super) unsafe fn take<T>(raw: *mut T) -> T {
    let _empty = Empty(raw);
    // SAFETY: by the contract; nobody reads it again.
    unsafe { raw.read() }
}

/// Drops the value where it is, and its box.
///
/// # Safety
/// As above.
pub(super) unsafe fn discard<T>(raw: *mut T) {
    let _empty = Empty(raw);
    // SAFETY: by the contract; dropped once. If that panics, the box is freed all the same.
    unsafe { ptr::drop_in_place(raw) };
}

//! The node's allocator: the system's, which counts for each thread what it has allocated and not freed.
//!
//! It says how much an evaluation of the console holds, which stays on its thread. What goes from thread to thread is counted where it was allocated, and
//! taken off where it is freed: such a thread's number means nothing.
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Without a destructor: it is there as long as the thread allocates.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// See the file's head. For the executable's `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

/// Bytes that this thread has allocated and not freed.
pub(crate) fn held() -> isize {
    HELD.get()
}

fn count(more: usize, less: usize) {
    HELD.set(HELD.get().wrapping_add_unsigned(more).wrapping_sub_unsigned(less));
}

// SAFETY: all is the system allocator's, called as this is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        count(new_size, layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn what_a_thread_holds_is_counted() {
        let before = held();
        let kept = vec![0_u8; 100_000];
        let mut grown = Vec::<u8>::with_capacity(10);
        grown.reserve_exact(50_000);
        assert!((150_000..160_000).contains(&(held() - before)), "{}", held() - before);
        drop((kept, grown));
        assert!((held() - before).abs() < 10_000, "{}", held() - before);
    }
}

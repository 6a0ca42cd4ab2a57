//! A waker that crosses: Rust's `RawWaker` with functions of the C ABI.

use core::ffi::c_void;

/// An owned waker. Whoever holds it calls `wake` or `drop` exactly once.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AbiWaker {
    /// Passed to each function.
    pub data: *const c_void,
    /// The functions. Valid for the life of the OS process.
    pub vtable: *const WakerVtable,
}

/// May be called from any thread.
#[repr(C)]
#[derive(Debug)]
pub struct WakerVtable {
    /// `size_of::<Self>()` on the side that made it.
    pub size: usize,
    /// Another owned waker of the same vtable: its data.
    pub clone: unsafe extern "C" fn(data: *const c_void) -> *const c_void,
    /// Wakes, and consumes `data`.
    pub wake: unsafe extern "C" fn(data: *const c_void),
    /// Wakes.
    pub wake_by_ref: unsafe extern "C" fn(data: *const c_void),
    /// Consumes `data`.
    pub drop: unsafe extern "C" fn(data: *const c_void),
}

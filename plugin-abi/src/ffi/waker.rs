//! Wakers, both ways.
//!
//! A process's own waker is the host's data behind a `RawWaker` of ours: to clone it is one call, with no allocation. Any other
//! waker (of `FuturesUnordered`, of a `select`) crosses as a box.

use super::host::process_waker_vtable;
use crate::abi::{AbiWaker, ProcessShared, TRACED, WakerVtable};
use crate::panic;
use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::Ordering;
use std::task::{RawWaker, RawWakerVTable, Waker};

static PROCESS: RawWakerVTable = RawWakerVTable::new(clone_process, wake_process, wake_process_by_ref, drop_process);
/// The same for a poll that is traced: it wakes none of the wakers of before ([`TRACED`]), and its clones are as any other.
static PROCESS_TRACED: RawWakerVTable =
    RawWakerVTable::new(clone_process, wake_process, wake_process_by_ref, drop_process);

/// Calls `act` with the process's own waker, borrowed.
///
/// # Safety
/// `data` is valid waker data of the host's process vtable for the call.
#[inline]
pub(super) unsafe fn with_process_waker<R>(data: *const c_void, act: impl FnOnce(&Waker) -> R) -> R {
    // SAFETY: a process's waker data points to a `ProcessShared`, by the ABI.
    let is_traced = unsafe { (*data.cast::<ProcessShared>()).flags.load(Ordering::Relaxed) } & TRACED != 0;
    let vtable = if is_traced { &PROCESS_TRACED } else { &PROCESS };
    // SAFETY: the vtable's functions keep `RawWakerVTable`'s contract by calling the host's, which keep the same; the waker is not
    // dropped, since the reference is only borrowed.
    let waker = ManuallyDrop::new(unsafe { Waker::from_raw(RawWaker::new(data.cast(), vtable)) });
    act(&waker)
}

/// True for the waker of a process itself.
#[inline]
pub(crate) fn is_process_waker(waker: &Waker) -> bool {
    let vtable: *const RawWakerVTable = waker.vtable();
    ptr::eq(vtable, &raw const PROCESS) || ptr::eq(vtable, &raw const PROCESS_TRACED)
}

/// True for the waker of a process itself, in a poll that is not traced.
#[inline]
pub(super) fn is_untraced(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &raw const PROCESS)
}

unsafe fn clone_process(data: *const ()) -> RawWaker {
    // SAFETY: the host's data, by `with_process_waker`'s contract.
    let data = unsafe { ((*process_waker_vtable()).clone)(data.cast()) };
    RawWaker::new(data.cast(), &PROCESS)
}

unsafe fn wake_process(data: *const ()) {
    // SAFETY: as above; consumes the reference.
    unsafe { ((*process_waker_vtable()).wake)(data.cast()) }
}

unsafe fn wake_process_by_ref(data: *const ()) {
    // SAFETY: as above.
    unsafe { ((*process_waker_vtable()).wake_by_ref)(data.cast()) }
}

unsafe fn drop_process(data: *const ()) {
    // SAFETY: as above; consumes the reference.
    unsafe { ((*process_waker_vtable()).drop)(data.cast()) }
}

/// An owned waker for the host.
pub(super) fn abi_waker(waker: &Waker) -> AbiWaker {
    if is_process_waker(waker) {
        let vtable = process_waker_vtable();
        // SAFETY: the data of a process's waker.
        let data = unsafe { ((*vtable).clone)(waker.data().cast()) };
        return AbiWaker { data, vtable };
    }
    AbiWaker { data: Box::into_raw(Box::new(waker.clone())).cast_const().cast(), vtable: &raw const FOREIGN }
}

/// Calls `act` with a waker for the host, borrowed for the call: the host clones it if it keeps it.
pub(super) fn borrowed_abi_waker<R>(waker: &Waker, act: impl FnOnce(*const AbiWaker) -> R) -> R {
    let borrowed = if is_process_waker(waker) {
        AbiWaker { data: waker.data().cast(), vtable: process_waker_vtable() }
    } else {
        AbiWaker { data: ptr::from_ref(waker).cast(), vtable: &raw const FOREIGN }
    };
    act(&raw const borrowed)
}

/// Data: a `Waker`; owned ones are boxed.
static FOREIGN: WakerVtable = WakerVtable {
    size: size_of::<WakerVtable>(),
    clone: clone_foreign,
    wake: wake_foreign,
    wake_by_ref: wake_foreign_by_ref,
    drop: drop_foreign,
};

/// A waker's own code may panic; the host must not see it.
fn guarded(act: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(act)) {
        // The panic hook has logged it; a waker has nobody else to tell.
        panic::discard(payload);
    }
}

unsafe extern "C" fn clone_foreign(data: *const c_void) -> *const c_void {
    // SAFETY: the data is a `Waker`, owned or borrowed, by the vtable's contract. A clone that panics aborts: there is nothing to give.
    let waker = unsafe { (*data.cast::<Waker>()).clone() };
    Box::into_raw(Box::new(waker)).cast_const().cast()
}

unsafe extern "C" fn wake_foreign(data: *const c_void) {
    // SAFETY: an owned one is a boxed `Waker`, consumed here.
    let waker = unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) };
    guarded(|| waker.wake());
}

unsafe extern "C" fn wake_foreign_by_ref(data: *const c_void) {
    // SAFETY: a `Waker`, by the vtable's contract.
    let waker = unsafe { &*data.cast::<Waker>() };
    guarded(|| waker.wake_by_ref());
}

unsafe extern "C" fn drop_foreign(data: *const c_void) {
    // SAFETY: an owned one is a boxed `Waker`, consumed here.
    let waker = unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) };
    guarded(|| drop(waker));
}

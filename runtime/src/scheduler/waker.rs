//! Waking and killing: how a process gets into a run queue.
#![expect(unsafe_code, reason = "a process crosses the ABI as the data of its waker")]

use super::{InHost, current_process, enqueue, reaper, sample};
use crate::process::{Handle, Process, Wake};
use plugin_abi::abi::WakerVtable;
use std::ffi::c_void;

/// Wakes a process that the caller has a reference to, or is running.
pub(crate) fn wake(process: &'static Process) {
    if process.state.wake() == Wake::Enqueue {
        enqueue(process);
    }
}

/// Has a process ended: by its runner, as soon as its poll returns; by the reaper, when it does not. False: it goes on until then, since
/// too many were stopped.
pub(crate) fn kill(process: &'static Process) -> bool {
    process.shared.set_killed();
    if process.state.kill() == Wake::Enqueue {
        enqueue(process);
        return true;
    }
    let is_own = current_process().is_some_and(|own| std::ptr::eq(own, process));
    is_own || !process.state.is_running() || reaper::kill_running(process)
}

/// The vtable of every process's waker; its data is the process, one reference each.
pub(crate) static PROCESS_WAKER: WakerVtable = WakerVtable {
    size: size_of::<WakerVtable>(),
    clone: clone_waker,
    wake: wake_waker,
    wake_by_ref: wake_waker_by_ref,
    drop: drop_waker,
};

/// # Safety
/// `data` is a process's waker data.
unsafe fn process_of(data: *const c_void) -> &'static Process {
    // SAFETY: only processes are given out as data of this vtable, and slots are never freed or moved.
    unsafe { &*data.cast::<Process>() }
}

unsafe extern "C" fn clone_waker(data: *const c_void) -> *const c_void {
    let _host = InHost::enter();
    sample::waits_here();
    // SAFETY: the vtable's contract.
    unsafe { process_of(data) }.state.acquire();
    data
}

unsafe extern "C" fn wake_waker(data: *const c_void) {
    let _host = InHost::enter();
    // SAFETY: the vtable's contract; the waker's reference is taken over, so it is released after the wake.
    let reference = Handle::from_reference(unsafe { process_of(data) });
    wake(reference.process());
}

unsafe extern "C" fn wake_waker_by_ref(data: *const c_void) {
    let _host = InHost::enter();
    // SAFETY: the vtable's contract.
    let process = unsafe { process_of(data) };
    sample::wakes_here(process);
    wake(process);
}

unsafe extern "C" fn drop_waker(data: *const c_void) {
    let _host = InHost::enter();
    // SAFETY: the vtable's contract; the waker's reference is taken over.
    drop(Handle::from_reference(unsafe { process_of(data) }));
}

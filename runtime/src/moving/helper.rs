//! Helpers: processes of the node's own that call images to restore states.
//!
//! A helper runs in the node's code, where it is not stopped, but for its calls into an image. It holds copies alone: stopped there, it
//! leaves nothing half done, and whoever waits for it goes on without it.

use super::single::{Move, Outcome, Phase, Want};
use crate::image::{self, Image, State};
use crate::process::{Birth, Pid, Priority};
use crate::scheduler::{self, InHost, in_plugin};
use plugin_abi::abi::{Opaque, POLL_READY, ProcessFuture, ProcessShared, ProcessVtable, STATUS_OK, Slice, Status};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A future that was restored and is not polled yet, with the bytes that are behind it.
#[derive(Debug)]
pub(super) struct Restored {
    future: ProcessFuture,
    memory: i64,
}

// SAFETY: a future may move between threads (`ProcessVtable` is called from any one thread at a time).
unsafe impl Send for Restored {}

impl Drop for Restored {
    fn drop(&mut self) {
        // SAFETY: ours, and never polled: a copy.
        in_plugin(|| unsafe { ((*self.future.vtable).drop_moved)(self.future.data) });
    }
}

static VTABLE: ProcessVtable = ProcessVtable {
    size: size_of::<ProcessVtable>(),
    poll,
    drop: drop_helper,
    type_name,
    message: ptr::null(),
    len: size_of::<Option<Arc<Move>>>(),
    state: None,
    drop_moved: drop_helper,
};

extern "C" fn type_name() -> Slice {
    Slice::text("code_change")
}

unsafe extern "C" fn poll(data: Opaque, waker: *const c_void) -> u32 {
    let _host = InHost::enter();
    // SAFETY: `start` made it of a box of this type; one thread at a time polls it.
    let moving = unsafe { &mut *data.cast::<Option<Arc<Move>>>() };
    if let Some(moving) = moving.take() {
        run(&moving, waker.cast());
    }
    POLL_READY
}

unsafe extern "C" fn drop_helper(data: Opaque) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above, once, after the last poll.
    drop(unsafe { Box::from_raw(data.cast::<Option<Arc<Move>>>()) });
    STATUS_OK
}

/// `None`: there are as many processes as may be.
fn start(moving: Arc<Move>) -> Option<Pid> {
    let data: Opaque = Box::into_raw(Box::new(Some(moving))).cast();
    let future = ProcessFuture { data, vtable: &raw const VTABLE };
    let birth = Birth {
        image: image::host(),
        future,
        parent: None,
        priority: Priority::Normal,
        mailbox_limit: 0,
        born: scheduler::stamp(),
    };
    // SAFETY: a valid future of the host's, given away; on refusal it is ours still.
    unsafe {
        let Some(helper) = scheduler::begin(&birth) else {
            drop_helper(data);
            return None;
        };
        let pid = helper.pid();
        helper.start_next();
        Some(pid)
    }
}

/// Has a state restored that was given.
pub(super) fn restore(moving: &Arc<Move>) {
    // Before it is known who helps, a helper may be done.
    match start(Arc::clone(moving)) {
        Some(helper) => note(moving, helper),
        None => fail(moving, "there are as many processes as the node may have"),
    }
}

fn note(moving: &Move, pid: Pid) {
    if let Phase::Given { helper, .. } = &mut *moving.phase.lock() {
        helper.get_or_insert(pid);
    }
}

/// A process whose state was given goes on where it was.
pub(super) fn fail(moving: &Move, reason: &str) {
    let is_ours = moving.turn(|phase| match phase {
        Phase::Written { .. } | Phase::Given { .. } => Ok(Phase::Over(Outcome::Failed(reason.to_owned()))),
        other => Err(other),
    });
    if is_ours && moving.want == Want::Move {
        scheduler::resume(moving.process.process());
    }
}

fn run(moving: &Move, shared: *const ProcessShared) {
    let mut given = None;
    moving.turn(|phase| match phase {
        Phase::Written { at, bytes } => {
            given = Some((at, bytes));
            Ok(Phase::Given { at, helper: scheduler::current_process().map(|helper| helper.pid()) })
        }
        other => Err(other),
    });
    let Some((at, bytes)) = given else { return };
    let state = State { name: moving.state, version: moving.version, bytes: bytes.as_bytes() };
    match restored(moving.to, &state, shared) {
        Err(reason) => fail(moving, &reason),
        Ok(restored) if moving.want == Want::Copy => {
            drop(restored);
            match way_back(moving, &state, shared) {
                Ok(()) => rehearsed(moving),
                Err(reason) => fail(moving, &format!("there is no way back: {reason}")),
            }
        }
        Ok(restored) => place(moving, restored, at),
    }
}

fn rehearsed(moving: &Move) {
    moving.turn(|phase| match phase {
        Phase::Given { .. } => Ok(Phase::Over(Outcome::Done(None))),
        other => Err(other),
    });
}

/// The future that an image makes of a state; what it allocates is charged to the process whose `shared` it is.
fn restored(image: &'static Image, state: &State<'_>, shared: *const ProcessShared) -> Result<Restored, String> {
    // SAFETY: the helper's own, which lives as long as the OS process.
    let memory = || unsafe { (*shared).memory.load(Ordering::Relaxed) };
    let application = image.application().ok_or("the node itself has no states")?;
    let before = memory();
    // SAFETY: the helper's own.
    let future = in_plugin(|| unsafe { application.restore(state, shared) })?;
    Ok(Restored { future, memory: memory() - before })
}

/// The new image writes the state as the old one had it, and that restores it.
fn way_back(moving: &Move, state: &State<'_>, shared: *const ProcessShared) -> Result<(), String> {
    let application = moving.to.application().ok_or("the node itself has no states")?;
    // SAFETY: the helper's own.
    let back = in_plugin(|| unsafe { application.convert(state, moving.version, shared) })?;
    let state = State { bytes: &back, ..*state };
    restored(moving.from, &state, shared).map(drop)
}

/// The process goes on on its other image; unless it was given up, and goes on where it was.
fn place(moving: &Move, restored: Restored, at: Instant) {
    let mut before = None;
    let mut restored = Some(restored);
    moving.turn(|phase| match (phase, restored.take()) {
        (Phase::Given { .. }, Some(taken)) => {
            // SAFETY: the process is suspended, and this phase, which is taken once, makes it ours; the future is one of that image.
            before = Some(unsafe { moving.process.replace(moving.to, taken.future, taken.memory) });
            std::mem::forget(taken);
            Ok(Phase::Over(Outcome::Done(Some(at.elapsed()))))
        }
        (other, kept) => {
            restored = kept;
            Err(other)
        }
    });
    let Some(before) = before else { return };
    scheduler::resume(moving.process.process());
    // SAFETY: its process has another future: this one is ours, and never polled again.
    in_plugin(|| unsafe { ((*before.vtable).drop_moved)(before.data) });
}

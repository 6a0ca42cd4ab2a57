//! Helpers: processes of the node's own that call images to restore states.
//!
//! A helper runs in the node's code, where it is not stopped, but for its calls into an image. It holds copies alone: stopped there, it
//! leaves nothing half done, and whoever waits for it goes on without it.

use super::single::{Move, Outcome, Phase, Want};
use crate::image::{self, Image, State};
use crate::process::{Birth, Pid, Priority, table};
use crate::scheduler::{self, InHost, in_plugin};
use plugin_abi::abi::{Opaque, POLL_READY, ProcessFuture, ProcessShared, ProcessVtable, STATUS_OK, Slice, Status};
use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A future that no process has: one that was restored and is not polled yet, with the bytes that are behind it, or one whose process has moved.
#[derive(Debug)]
pub(super) struct Restored {
    future: ProcessFuture,
    memory: i64,
}

// SAFETY: a future may move between threads (`ProcessVtable` is called from any one thread at a time).
unsafe impl Send for Restored {}

impl Drop for Restored {
    fn drop(&mut self) {
        // SAFETY: ours, and never polled again.
        in_plugin(|| unsafe { ((*self.future.vtable).drop_moved)(self.future.data) });
    }
}

/// What a helper does.
#[derive(Debug)]
enum Task {
    Restore(Arc<Move>),
    /// To drop a future is to call its image.
    Drop(Vec<Restored>),
}

static VTABLE: ProcessVtable = ProcessVtable {
    size: size_of::<ProcessVtable>(),
    poll,
    drop: drop_helper,
    type_name,
    message: ptr::null(),
    len: size_of::<Option<Task>>(),
    state: None,
    drop_moved: drop_helper,
};

extern "C" fn type_name() -> Slice {
    Slice::text("code_change")
}

unsafe extern "C" fn poll(data: Opaque, waker: *const c_void) -> u32 {
    let _host = InHost::enter();
    // SAFETY: `start` made it of a box of this type; one thread at a time polls it.
    let task = unsafe { &mut *data.cast::<Option<Task>>() };
    match task.take() {
        Some(Task::Restore(moving)) => {
            run(&moving, waker.cast());
            if moving.want == Want::Cross {
                moving.bell.leave_place();
            }
        }
        Some(Task::Drop(futures)) => drop(futures),
        None => {}
    }
    POLL_READY
}

unsafe extern "C" fn drop_helper(data: Opaque) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above, once, after the last poll.
    drop(unsafe { Box::from_raw(data.cast::<Option<Task>>()) });
    STATUS_OK
}

/// `None`: there are as many processes as may be.
fn start(task: Task) -> Option<Pid> {
    let data: Opaque = Box::into_raw(Box::new(Some(task))).cast();
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
    match start(Task::Restore(Arc::clone(moving))) {
        Some(helper) => note(moving, helper),
        None => fail(moving, "there are as many processes as the node may have"),
    }
}

fn note(moving: &Move, pid: Pid) {
    if let Phase::Given { helper, .. } = &mut *moving.phase.lock() {
        helper.get_or_insert(pid);
    }
}

/// A process whose state was given goes on where it was: now, if it is suspended, or when its turn is over.
pub(super) fn fail(moving: &Move, reason: &str) {
    let mut is_suspended = false;
    moving.turn(|phase| match phase {
        Phase::Written { .. } | Phase::Standing { .. } | Phase::Given { .. } => {
            is_suspended = moving.want.suspends() && !matches!(phase, Phase::Written { .. });
            Ok(Phase::Over(Outcome::Failed(reason.to_owned())))
        }
        other => Err(other),
    });
    if is_suspended {
        resume(moving);
    }
}

/// Nobody waits for it any more: its process goes on where it was, unless it is on its way already. Who restores its state is ended.
pub(super) fn give_up(moving: &Move, reason: &str) {
    let mut at_work = None;
    moving.turn(|phase| match phase {
        Phase::Asked => Ok(Phase::Over(Outcome::Failed(reason.to_owned()))),
        other => {
            if let Phase::Given { helper, .. } = &other {
                at_work = *helper;
            }
            Err(other)
        }
    });
    if let Some(helper) = at_work.and_then(table::find) {
        // It has a copy: whether it can be stopped or not, the process does without it.
        scheduler::kill(helper.process());
    }
    fail(moving, reason);
}

/// A suspended process goes on, as what it is now.
pub(super) fn resume(moving: &Move) {
    scheduler::resume(moving.process.process());
}

/// A process whose barrier is given up goes on where it was, if it stood. Gives the future back that it does not get.
pub(super) fn stay(moving: &Move, reason: &str) -> Option<Restored> {
    let mut before = None;
    moving.turn(|phase| match phase {
        Phase::Over(_) => Err(phase),
        other => {
            before = Some(other);
            Ok(Phase::Over(Outcome::Failed(reason.to_owned())))
        }
    });
    match before? {
        // Its turn is not over, and then it is seen that nobody wants it any more.
        Phase::Asked | Phase::Written { .. } | Phase::Placed { .. } | Phase::Over(_) => return None,
        Phase::Given { helper, .. } => {
            // It has a copy.
            helper.and_then(table::find).map(|helper| scheduler::kill(helper.process()));
        }
        Phase::Ready { restored, .. } => {
            resume(moving);
            return Some(restored);
        }
        Phase::Standing { .. } => {}
    }
    resume(moving);
    None
}

/// Puts a process that is ready on its other image, where it goes on when it is told to. Gives since when it has stood, and the future before.
pub(super) fn cross(moving: &Move) -> Option<(Instant, Restored)> {
    let mut ready = None;
    moving.turn(|phase| match phase {
        Phase::Ready { at, restored } => {
            ready = Some((at, restored));
            Ok(Phase::Over(Outcome::Done(None)))
        }
        other => Err(other),
    });
    let (at, restored) = ready?;
    let (future, memory) = (restored.future, restored.memory);
    std::mem::forget(restored);
    // SAFETY: the process is suspended, and this phase, which is taken once, makes it ours; the future is one of that image.
    let before = unsafe { moving.process.replace(moving.to, future, memory) };
    Some((at, Restored { future: before, memory: 0 }))
}

/// Drops futures that no process has, as a helper: it is the plugins' code that runs then.
pub(super) fn discard(futures: Vec<Restored>) {
    if !futures.is_empty() {
        // Without a helper, they were dropped here.
        let _: Option<Pid> = start(Task::Drop(futures));
    }
}

fn run(moving: &Move, shared: *const ProcessShared) {
    let mut given = None;
    moving.turn(|phase| match phase {
        Phase::Written { at, bytes } | Phase::Standing { at, bytes, .. } => {
            given = Some(bytes);
            Ok(Phase::Given {
                at,
                since: Instant::now(),
                helper: scheduler::current_process().map(|helper| helper.pid()),
            })
        }
        other => Err(other),
    });
    let Some(bytes) = given else { return };
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
        Ok(restored) if moving.want == Want::Cross => hold(moving, restored),
        Ok(restored) => place(moving, restored),
    }
}

/// It waits at the barrier; unless that was given up.
fn hold(moving: &Move, restored: Restored) {
    let mut restored = Some(restored);
    moving.turn(|phase| match (phase, restored.take()) {
        (Phase::Given { at, .. }, Some(restored)) => Ok(Phase::Ready { at, restored }),
        (other, kept) => {
            restored = kept;
            Err(other)
        }
    });
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
fn place(moving: &Move, restored: Restored) {
    let mut before = None;
    let mut restored = Some(restored);
    moving.turn(|phase| match (phase, restored.take()) {
        (Phase::Given { at, .. }, Some(taken)) => {
            // SAFETY: the process is suspended, and this phase, which is taken once, makes it ours; the future is one of that image.
            before = Some(unsafe { moving.process.replace(moving.to, taken.future, taken.memory) });
            std::mem::forget(taken);
            Ok(Phase::Placed { at })
        }
        (other, kept) => {
            restored = kept;
            Err(other)
        }
    });
    let Some(before) = before else { return };
    resume(moving);
    moving.turn(|phase| match phase {
        Phase::Placed { at } => Ok(Phase::Over(Outcome::Done(Some(at.elapsed())))),
        other => Err(other),
    });
    // SAFETY: its process has another future: this one is ours, and never polled again.
    in_plugin(|| unsafe { ((*before.vtable).drop_moved)(before.data) });
}

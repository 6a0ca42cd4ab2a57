//! Where a long computation lets itself be ended.

use crate::abi::{HAS_CHECKPOINTS, KILLED};
use crate::ffi;
use std::any::Any;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;

/// What a killed process unwinds with.
struct Killed;

/// Ends this process here if it was killed: it unwinds, so that destructors run and nothing is leaked. For long computations that do not
/// await: a kill of one without checkpoints freezes its thread with all that it holds. Costs about as much as a look at a variable.
///
/// Outside of a process, without effect.
pub fn checkpoint() {
    let Some(shared) = ffi::shared() else { return };
    let killed = shared.flags.load(Ordering::Relaxed);
    if killed & HAS_CHECKPOINTS == 0 {
        shared.flags.fetch_or(HAS_CHECKPOINTS, Ordering::Relaxed);
    }
    if killed & KILLED != 0 && !std::thread::panicking() {
        resume_unwind(Box::new(Killed));
    }
}

/// Whether a checkpoint has unwound with this.
pub(crate) fn is_unwound(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Killed>()
}

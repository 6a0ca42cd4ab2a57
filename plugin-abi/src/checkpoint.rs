//! Where a long computation lets itself be ended.

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
    let is_killed = ffi::shared().is_some_and(|shared| shared.killed.load(Ordering::Relaxed) != 0);
    if is_killed && !std::thread::panicking() {
        resume_unwind(Box::new(Killed));
    }
}

/// Whether a checkpoint has unwound with this.
pub(crate) fn is_unwound(payload: &(dyn Any + Send)) -> bool {
    payload.is::<Killed>()
}

//! Ctrl-C: the command stops at its next safe place, so that nothing half-done is left; the second one ends it at once.
//!
//! What was asked of a node goes on there.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use signal_hook::consts::SIGINT;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// No wait of a command goes on for longer without a look at [`happened`].
pub(crate) const LOOK: Duration = Duration::from_millis(100);

static HAPPENED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From here on Ctrl-C is noticed.
pub(crate) fn listen() -> Result<(), Failure> {
    // The order counts: the first signal finds the flag unset, and then sets it.
    signal_hook::flag::register_conditional_shutdown(SIGINT, ExitCode::Interrupted as i32, Arc::clone(&HAPPENED))
        .and_then(|_| signal_hook::flag::register(SIGINT, Arc::clone(&HAPPENED)))
        .map(drop)
        .map_err(|error| Failure::error(format!("signals cannot be received: {error}")))
}

/// Has there been a Ctrl-C?
pub(crate) fn happened() -> bool {
    HAPPENED.load(Ordering::Relaxed)
}

/// It has been dealt with: the command goes on, and the next one is the first again.
pub(crate) fn forget() {
    HAPPENED.store(false, Ordering::Relaxed);
}

/// A safe place to stop.
pub(crate) fn check() -> Result<(), Failure> {
    if happened() { Err(failure()) } else { Ok(()) }
}

/// What an interrupted command ends with.
pub(crate) fn failure() -> Failure {
    Failure::new(ExitCode::Interrupted, "interrupted")
}

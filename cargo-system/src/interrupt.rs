//! Ctrl-C, or SIGTERM, as a CI system cancels: the command stops at its next safe place, so that nothing half-done is left; the second one ends it
//! at once.
//!
//! What was asked of a node goes on there.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// No wait of a command goes on for longer without a look at [`happened`].
pub(crate) const LOOK: Duration = Duration::from_millis(100);

static HAPPENED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// SIGTERM ends the command as it ends any program.
static ENDS_AT_ONCE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From here on both are noticed.
pub(crate) fn listen() -> Result<(), Failure> {
    let listened = signal_hook::flag::register_conditional_default(SIGTERM, Arc::clone(&ENDS_AT_ONCE));
    let listened = listened.and_then(|_| [SIGINT, SIGTERM].into_iter().try_for_each(listen_to));
    listened.map_err(|error| Failure::error(format!("signals cannot be received: {error}")))
}

fn listen_to(signal: i32) -> io::Result<()> {
    // The order counts: the first signal finds the flag unset, and then sets it.
    signal_hook::flag::register_conditional_shutdown(signal, ExitCode::Interrupted as i32, Arc::clone(&HAPPENED))?;
    signal_hook::flag::register(signal, Arc::clone(&HAPPENED)).map(drop)
}

/// For whoever waits where no flag is looked at, and has nothing to leave half-done.
pub(crate) fn let_sigterm_end() {
    ENDS_AT_ONCE.store(true, Ordering::Relaxed);
}

/// Has there been one?
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

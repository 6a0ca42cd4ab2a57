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

/// No wait for a node, a build or another machine goes on for longer without a look at [`happened`].
pub(crate) const LOOK: Duration = Duration::from_millis(100);

static HAPPENED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// SIGTERM ends the command as it ends any program: until it is listened to, and where nobody would look.
static SIGTERM_ENDS: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// From here on both are noticed.
pub(crate) fn listen() -> Result<(), Failure> {
    let listened = signal_hook::flag::register_conditional_default(SIGTERM, Arc::clone(&SIGTERM_ENDS));
    let listened = listened.and_then(|_| [SIGINT, SIGTERM].into_iter().try_for_each(listen_to));
    listened.map_err(|error| Failure::error(format!("signals cannot be received: {error}")).hint("try it again"))?;
    SIGTERM_ENDS.store(false, Ordering::Relaxed);
    Ok(())
}

fn listen_to(signal: i32) -> io::Result<()> {
    // The order counts: the first signal finds the flag unset, and then sets it.
    signal_hook::flag::register_conditional_shutdown(signal, ExitCode::Interrupted as i32, Arc::clone(&HAPPENED))?;
    signal_hook::flag::register(signal, Arc::clone(&HAPPENED)).map(drop)
}

/// For whoever waits where no flag is looked at, and has nothing to leave half-done: SIGTERM ends it, as long as this is there.
#[must_use]
pub(crate) fn unguarded() -> Unguarded {
    SIGTERM_ENDS.store(true, Ordering::Relaxed);
    Unguarded
}

/// See [`unguarded`].
#[derive(Debug)]
pub(crate) struct Unguarded;

impl Drop for Unguarded {
    fn drop(&mut self) {
        SIGTERM_ENDS.store(false, Ordering::Relaxed);
    }
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

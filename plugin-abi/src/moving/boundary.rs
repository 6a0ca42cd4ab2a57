//! Where a process's loop gives its state.

use super::carried::writing;
use crate::abi::{ASKED, STATUS_OK, WANT_COPY, WANT_SETTLE, WANT_START, WANT_STATE};
use crate::ffi;
use crate::panic;
use crate::state::StateError;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

/// Whether the node asks this process for its state: to be looked at before a message is taken. It is polled when the node does.
#[inline]
pub(crate) fn is_asked() -> bool {
    ffi::shared().is_some_and(|shared| shared.flags.load(Ordering::Relaxed) & ASKED != 0)
}

/// What the node asks for. To be looked at once for each time it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Nothing any more.
    Nothing,
    /// The state, to be given by [`give_as`].
    State(Wanted),
    /// What this version has added is to be started, then [`done`] said.
    Start,
    /// What this version does not have is to be stopped, then [`done`] said.
    Settle,
}

/// A state that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    is_copy: bool,
    version: u32,
}

/// What is asked for.
pub(crate) fn asked() -> Asked {
    let (want, version) = ffi::state_wanted();
    match want {
        WANT_COPY | WANT_STATE => Asked::State(Wanted { is_copy: want == WANT_COPY, version }),
        WANT_START => Asked::Start,
        WANT_SETTLE => Asked::Settle,
        _ => Asked::Nothing,
    }
}

/// What was asked for is done; or why it cannot be.
pub(crate) fn done(result: Result<(), String>) {
    // Whoever has asked may not wait any more.
    let _: crate::abi::Status = ffi::give_state(result.map(|()| Vec::new()));
}

/// Gives the state, if it is asked for, written by `write` in the version that it is told. To be awaited at the boundary: it is ready when the
/// process is to go on here, which is at once, or when it has not moved after all; if it moves, never.
pub(crate) fn give(write: impl FnOnce(u32) -> Result<Vec<u8>, StateError>) -> Suspension {
    match asked() {
        Asked::State(wanted) => give_as(wanted, write),
        Asked::Nothing | Asked::Start | Asked::Settle => Suspension(None),
    }
}

/// The same, when it is known that the state is asked for.
pub(crate) fn give_as(wanted: Wanted, write: impl FnOnce(u32) -> Result<Vec<u8>, StateError>) -> Suspension {
    let (number, written) = writing(|| catch_unwind(AssertUnwindSafe(|| write(wanted.version))));
    let written = match written {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(payload) => Err(panic::into_text(payload)),
    };
    let is_state = !wanted.is_copy && written.is_ok();
    if is_state {
        // In its mailbox they are the next image's to read.
        ffi::with_local(ffi::Local::put_back);
    }
    let is_taken = ffi::give_state(written) == STATUS_OK;
    Suspension((is_state && is_taken).then_some(number))
}

/// See [`give`].
#[derive(Debug)]
#[must_use = "the process has given its state: it must not go on before it is told to"]
pub(crate) struct Suspension(Option<u64>);

impl Future for Suspension {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        match self.0.take() {
            None => Poll::Ready(()),
            Some(number) => {
                ffi::with_local(|local| local.suspend(number));
                Poll::Pending
            }
        }
    }
}

//! Where a process's loop gives its state.

use super::carried::writing;
use crate::abi::{ASKED, STATUS_OK, WANT_NOTHING, WANT_STATE};
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

/// Gives the state that is asked for, written by `write` in the version that it is told. To be awaited at the boundary: it is ready when the
/// process is to go on here, which is at once, or when it has not moved after all; if it moves, never.
pub(crate) fn give(write: impl FnOnce(u32) -> Result<Vec<u8>, StateError>) -> Suspension {
    let (want, version) = ffi::state_wanted();
    if want == WANT_NOTHING {
        return Suspension(None);
    }
    let (number, written) = writing(|| catch_unwind(AssertUnwindSafe(|| write(version))));
    let written = match written {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(payload) => Err(panic::into_text(payload)),
    };
    let is_state = want == WANT_STATE && written.is_ok();
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

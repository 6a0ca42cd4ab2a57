//! Starting a process and waiting until it is ready, as OTP's `proc_lib:start_link`.
//!
//! ```text
//! starter: spawn ─► waits ─┬─ ready ─► its pid
//! new one: init ───────────┼─ refused or panicked: unlinked from the starter, which gets the reason and no exit signal
//!                          └─ killed, or ended by a signal: the link tells the starter too
//! ```

use crate::call::{ReplyTo, ask};
use crate::exit::ExitReason;
use crate::panic;
use crate::process::{SpawnError, unlink};
use crate::time::FOREVER;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// Why there is no new server, supervisor or child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartError {
    /// There is no process for it.
    Spawn(SpawnError),
    /// Its start came to this: an error or a panic in `init`.
    Init(ExitReason),
    /// It was killed, or ended by an exit signal, before it was ready.
    Ended,
    /// A supervisor's child did not start. Those before it have been stopped.
    Child {
        /// The child's name.
        name: String,
        /// Why.
        error: Box<StartError>,
    },
    /// Two children of a supervisor have this name.
    NameTwice(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => error.fmt(f),
            Self::Init(reason) => write!(f, "its start failed: {reason}"),
            Self::Ended => f.write_str("it was ended before it was ready"),
            Self::Child { name, error } => write!(f, "child {name:?}: {error}"),
            Self::NameTwice(name) => write!(f, "two children are named {name:?}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<SpawnError> for StartError {
    fn from(error: SpawnError) -> Self {
        Self::Spawn(error)
    }
}

/// Says that a process is ready, or why it is not.
pub(crate) type Ready = ReplyTo<Result<(), StartError>>;

/// Starts a process by `spawn` and waits until it is ready. That takes as long as it takes: whoever wants less drops the future.
pub(crate) async fn start<T>(spawn: impl FnOnce(Ready) -> Result<T, SpawnError>) -> Result<T, StartError> {
    let mut spawned = None;
    let ready = ask(FOREVER, |ready| {
        spawned = Some(spawn(ready)?);
        Ok::<(), SpawnError>(())
    });
    match ready.await {
        Err(refused) => Err(StartError::Spawn(refused)),
        Ok(Ok(ready)) => {
            ready?;
            spawned.ok_or(StartError::Ended)
        }
        Ok(Err(_unanswered)) => Err(StartError::Ended),
    }
}

/// In the new process: its start has failed. The starter hears of it once, by its answer.
pub(crate) fn fail(ready: Ready, error: StartError) {
    unlink(ready.pid());
    ready.send(Err(error));
}

/// The output of a future, or the text of its panic, which is in the log already.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(payload) => Poll::Ready(Err(panic::into_text(payload))),
    })
    .await
}

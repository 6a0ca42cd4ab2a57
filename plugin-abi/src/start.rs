//! Starting a process and waiting until it is ready, as OTP's `proc_lib:start_link`.
//!
//! ```text
//! starter: spawn ─► waits ─┬─ ready ─► its pid
//! new one: init ───────────┼─ refused or panicked: unlinked from the starter, which gets the reason and no exit signal
//!                          └─ killed, or ended by a signal: the link tells the starter too
//! starter waits no more, before that: the new one is unlinked and killed, as nobody would know of it
//! ```

use crate::call::{ReplyTo, ask};
use crate::exit::ExitReason;
use crate::panic;
use crate::process::{Pid, SpawnError, kill, unlink};
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
    /// It was not ready in the time that it had, in seconds (rounded up), and was killed.
    Late(u64),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => error.fmt(f),
            Self::Init(reason) => write!(f, "its start failed: {reason}"),
            Self::Ended => f.write_str("it was ended before it was ready"),
            Self::Child { name, error } => write!(f, "child {name:?}: {error}"),
            Self::NameTwice(name) => write!(f, "two children are named {name:?}"),
            Self::Late(seconds) => write!(f, "it was not ready in {seconds} s"),
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

/// A process whose start is waited for.
struct Starting(Option<Pid>);

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(pid) = self.0 {
            unlink(pid);
            kill(pid);
        }
    }
}

/// Starts a process by `spawn` and waits until it is ready. That takes as long as it takes: whoever wants less drops the future, and the
/// process is killed.
pub(crate) async fn start(spawn: impl FnOnce(Ready) -> Result<Pid, SpawnError>) -> Result<Pid, StartError> {
    let mut starting = Starting(None);
    let ready = ask(FOREVER, |ready| {
        starting.0 = Some(spawn(ready)?);
        Ok::<(), SpawnError>(())
    });
    let ready = ready.await;
    let pid = starting.0.take();
    match ready {
        Err(refused) => Err(StartError::Spawn(refused)),
        Ok(Ok(ready)) => {
            ready?;
            pid.ok_or(StartError::Ended)
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

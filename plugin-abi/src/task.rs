//! Tasks: work in a process of its own, whose result one waits for, as Elixir's `Task`.
//!
//! ```text
//! owner: Task::spawn ─► awaits ─┬─ the future's output ─► Ok
//!                               ├─ it panicked, was killed, or ended by a signal ─► Err(reason)
//!                               └─ dropped before ─► the task's process is killed
//! ```

use crate::abi::{SPAWN_MONITOR, Spawned};
use crate::call::{Call, ReplyTo};
use crate::exit::ExitReason;
use crate::ffi;
use crate::message::Local;
use crate::process::{Pid, SpawnError, kill, self_pid, unlink};
use crate::spawn::Spawn;
use crate::start::caught;
use crate::time::{FOREVER, after};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// A future that runs in a process of its own. Awaited, it gives that future's output, or why there is none.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use plugin_abi::{Task, time::timeout};
/// use std::time::Duration;
///
/// let mut task = Task::unlinked(async { (1..=1000_u64).sum::<u64>() })?;
/// // A time-out that leaves the task alone; without `&mut` it would be dropped, and so killed.
/// match timeout(Duration::from_secs(1), &mut task).await {
///     Ok(Ok(sum)) => tracing::info!(sum),
///     Ok(Err(reason)) => tracing::warn!(%reason, "the task died"),
///     Err(_) => tracing::warn!("not yet"),
/// }
/// # Ok(()) }
/// ```
///
/// It belongs to the process that spawned it: the result reaches no other, and is awaited there alone. Dropped before it has ended, the
/// task is killed.
#[must_use = "dropped, the task is killed"]
pub struct Task<T> {
    pid: Pid,
    call: Call,
    monitor: u64,
    is_linked: bool,
    is_over: bool,
    /// [`poll_result`], so that being a future needs no bound: the compiler cannot prove it of a `T` with a lifetime in it.
    poll: PollResult<T>,
}

type PollResult<T> = fn(&Call, &Waker) -> Poll<Result<T, ExitReason>>;

impl<T: Send + 'static> Task<T> {
    /// Runs a future in a process that is linked to the current one: if it fails, so does this one, unless it traps exits; if this one ends, so
    /// does the task.
    ///
    /// # Errors
    /// See [`SpawnError`]; the future was dropped.
    ///
    /// # Panics
    /// Outside of a process.
    pub fn spawn<F: Future<Output = T> + Send + 'static>(future: F) -> Result<Self, SpawnError> {
        Self::spawn_by(Spawn::new().link(), true, future)
    }

    /// The same without the link: a task that fails is an error where it is awaited, and nothing else. If this process ends, the task goes with
    /// it, since its handle is dropped.
    ///
    /// # Errors
    /// See [`SpawnError`]; the future was dropped.
    ///
    /// # Panics
    /// Outside of a process.
    pub fn unlinked<F: Future<Output = T> + Send + 'static>(future: F) -> Result<Self, SpawnError> {
        Self::spawn_by(Spawn::new(), false, future)
    }

    fn spawn_by<F>(spawn: Spawn, is_linked: bool, future: F) -> Result<Self, SpawnError>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let call = Call::begin(after(FOREVER));
        let process = run(future, call.reply_to());
        let Spawned { pid, reference } = spawn.start_as::<F, ffi::NoMessages, _>(process, SPAWN_MONITOR)?;
        call.watch(reference);
        let (pid, monitor) = (Pid::from_raw(pid), reference);
        Ok(Self { pid, call, monitor, is_linked, is_over: false, poll: poll_result })
    }
}

/// The task's process.
async fn run<T: Send + 'static>(
    future: impl Future<Output = T> + Send,
    result: ReplyTo<Local<Result<T, ExitReason>>>,
) -> ExitReason {
    match caught(future).await {
        Ok(output) => {
            result.send(Local(Ok(output)));
            ExitReason::Normal
        }
        Err(panic) => {
            let reason = ExitReason::Panic(panic);
            result.send(Local(Err(reason.clone())));
            reason
        }
    }
}

impl<T> Task<T> {
    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

/// One that ends without a result is known by its end alone: whoever is stopped for good where it spins says nothing any more.
fn poll_result<T: Send + 'static>(call: &Call, waker: &Waker) -> Poll<Result<T, ExitReason>> {
    loop {
        let answer = call.poll_answer::<Local<Result<T, ExitReason>>>(waker);
        if let Poll::Ready(Ok(Local(result))) = answer {
            return Poll::Ready(result);
        }
        if let Some(reason) = call.take_end() {
            return Poll::Ready(Err(reason));
        }
        // After it has been told that there is no result, it waits for the end.
        if answer.is_pending() {
            return Poll::Pending;
        }
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, ExitReason>;

    /// # Panics
    /// In another process than the one that spawned it, and after it has been ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        assert!(!self.is_over, "a task was awaited again after it had been ready");
        let result = (self.poll)(&self.call, cx.waker());
        if result.is_ready() {
            self.is_over = true;
            self.call.unwatch(self.pid, self.monitor);
        }
        result
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // Its end is none of this process's business.
        if self.is_linked && self_pid() == Some(self.call.pid()) {
            unlink(self.pid);
        }
        self.call.unwatch(self.pid, self.monitor);
        kill(self.pid);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({})", self.pid)
    }
}

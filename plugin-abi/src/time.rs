//! Sleeping and time-outs.

use crate::ffi;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Waits until a time has come. See [`sleep_until`].
#[derive(Debug)]
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    deadline: Instant,
    timer: Option<(u64, Waker)>,
}

/// Waits that long, or a little longer.
pub fn sleep(duration: Duration) -> Sleep {
    let now = Instant::now();
    // Beyond what the clock can say is as good as never: thirty years.
    sleep_until(now.checked_add(duration).unwrap_or(now + Duration::from_secs(60 * 60 * 24 * 365 * 30)))
}

/// Waits until then. At once when it has passed.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, timer: None }
}

impl Sleep {
    /// Waits until another time instead.
    pub fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.cancel();
    }

    /// Until when.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    fn cancel(&mut self) {
        if let Some((timer, _)) = self.timer.take() {
            ffi::timer_cancel(timer);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.cancel();
            return Poll::Ready(());
        }
        if self.timer.as_ref().is_none_or(|(_, waker)| !waker.will_wake(cx.waker())) {
            self.cancel();
            let timer = ffi::timer_start(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX), cx.waker());
            self.timer = Some((timer, cx.waker().clone()));
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The time was up first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elapsed;

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time is up")
    }
}

impl std::error::Error for Elapsed {}

/// Runs a future for that long at the most; then drops it.
///
/// # Errors
/// The time was up first.
pub async fn timeout<F: Future>(duration: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    let mut sleep = sleep(duration);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| Err(Elapsed)),
    })
    .await
}

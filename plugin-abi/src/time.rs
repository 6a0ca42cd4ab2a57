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

/// Waits that long, or a little longer: by a five-hundredth at the most, and by no more than a millisecond, so that those whose times end together
/// are woken together; and by what the system is busy.
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(after(duration))
}

/// As good as never, and so short that every clock can say when it is: thirty years.
pub(crate) const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 30);

/// So long from now; what the clock cannot say is [`FOREVER`] from now.
pub(crate) fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now + FOREVER)
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

/// Ticks at the beginning and then every `period`, at times that do not drift. See [`Interval::tick`].
///
/// # Panics
/// When the period is zero.
#[must_use]
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks at `first` and then every `period`.
///
/// # Panics
/// When the period is zero.
#[must_use]
pub fn interval_at(first: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "an interval's period is not zero");
    Interval { sleep: sleep_until(first), period }
}

/// Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
}

impl Interval {
    /// Waits for the next tick; returns when it was due. Who comes late gets one tick at once, not all that he has missed, and the next
    /// one when it is due in the old rhythm (tokio's `MissedTickBehavior::Skip`). Dropped while it waits, it loses no tick.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// The same, for futures written by hand.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        Pin::new(&mut self.sleep).poll(cx).map(|()| {
            let due = self.sleep.deadline();
            self.sleep.reset(next_tick(due, Instant::now(), self.period));
            due
        })
    }

    /// The time between two ticks.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The first tick after `now` in the rhythm that has one at `due`, which has come.
fn next_tick(due: Instant, now: Instant, period: Duration) -> Instant {
    let since = now.saturating_duration_since(due).as_nanos() % period.as_nanos();
    let left = period - Duration::from_nanos(u64::try_from(since).unwrap_or(0));
    now.max(due).checked_add(left).unwrap_or_else(|| after(left))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_rhythm_and_missed_ones_are_skipped() {
        let due = Instant::now();
        let (ms, period) = (Duration::from_millis, Duration::from_millis(100));
        for (late, next) in [(0, 100), (1, 100), (99, 100), (100, 200), (101, 200), (1050, 1100)] {
            assert_eq!(next_tick(due, due + ms(late), period), due + ms(next), "{late} ms late");
        }
    }
}

//! Processor time of turns. Platform-specific: the time stamp counter of x86-64, which costs a third of a call for the time.
//!
//! A turn is measured by the counter, as the time between two looks at it. That is more than the processor time when the thread had to
//! wait for a processor, or slept: so a turn of more than [`CHECK_AFTER`] is checked against the thread's own clock, which says how much
//! all turns since the last check have used.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "an instruction that only an intrinsic has"))]

use super::thread;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const CHECK_AFTER: Duration = Duration::from_millis(1);

/// Counter and time when the node started.
static START: LazyLock<(u64, Instant)> = LazyLock::new(|| (ticks(), Instant::now()));

/// The counter. It runs evenly, and alike on all processors.
#[cfg(target_arch = "x86_64")]
pub(super) fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; it reads a register.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The counter: nanoseconds, where there is no better one.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn ticks() -> u64 {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(EPOCH.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// How long so many ticks are.
pub(super) fn duration(count: u64) -> Duration {
    Rate::now().duration(count)
}

/// How long a tick is, as far as it is known now: for those who ask of many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate(f64);

#[expect(clippy::cast_precision_loss, reason = "a part in 2^53 of a time does not matter")]
impl Rate {
    pub(crate) fn now() -> Self {
        let (first, begun) = *START;
        let passed = ticks().saturating_sub(first).max(1);
        Self(begun.elapsed().as_secs_f64() / passed as f64)
    }

    pub(super) fn duration(self, count: u64) -> Duration {
        Duration::try_from_secs_f64(count as f64 * self.0).unwrap_or_default()
    }
}

/// A stamp's unit in ticks, as a power of two: some 20 ms; stamps count for years.
const STAMP_BITS: u32 = 26;

/// What time it is, for births.
pub(crate) fn stamp() -> u32 {
    (ticks().wrapping_sub(START.0) >> STAMP_BITS) as u32
}

/// How long ago that stamp was made, in stamps' units.
pub(crate) fn stamps_since(stamp: u32) -> u32 {
    self::stamp().wrapping_sub(stamp)
}

/// How long ago that stamp was made.
pub(super) fn since(stamp: u32) -> Duration {
    duration(u64::from(self::stamp().wrapping_sub(stamp)) << STAMP_BITS)
}

/// The turns of one thread.
#[derive(Debug)]
pub(super) struct Turns {
    /// When the last turn ended, if nothing but scheduling has happened since.
    last: Option<u64>,
    /// The thread's clock at the last check.
    checked: Duration,
    /// What turns were charged since then.
    charged: u64,
    /// When the thread paused last, by this clock.
    paused: u64,
}

/// Looks outside that are not urgent are so far apart, in ticks: 10 µs or so.
const LOOK_PAUSE: u64 = 1 << 15;

impl Turns {
    /// For the current thread.
    pub(super) fn new() -> Self {
        LazyLock::force(&START);
        Self { last: None, checked: thread::cpu_time(thread::own_id()).unwrap_or_default(), charged: 0, paused: 0 }
    }

    /// A turn begins: when.
    pub(super) fn begin(&mut self) -> u64 {
        self.last.unwrap_or_else(ticks)
    }

    /// It ends: the ticks that it is charged.
    pub(super) fn end(&mut self, begun: u64) -> u64 {
        let now = ticks();
        self.last = Some(now);
        let mut used = now.saturating_sub(begun);
        // Short of a conversion: no processor counts more than ten to a nanosecond.
        if used > 1_000_000 && duration(used) > CHECK_AFTER {
            used = self.check(used);
        }
        self.charged += used;
        used
    }

    /// The thread does something else between two turns: it waits, or looks outside.
    pub(super) fn pause(&mut self) {
        if let Some(last) = self.last.take() {
            self.paused = last;
        }
    }

    /// Whether turns have followed one another for so long that a look outside costs little beside them.
    pub(super) fn is_look_due(&self) -> bool {
        self.last.is_none_or(|last| last.saturating_sub(self.paused) >= LOOK_PAUSE)
    }

    /// A turn's ticks, but no more than the thread has used.
    fn check(&mut self, used: u64) -> u64 {
        let Some(now) = thread::cpu_time(thread::own_id()) else { return used };
        let spent = now.saturating_sub(self.checked).saturating_sub(duration(self.charged));
        self.checked = now;
        self.charged = 0;
        let took = duration(used);
        if spent >= took || took.is_zero() {
            return used;
        }
        // In the counter's own measure, by the rule of three.
        u64::try_from(u128::from(used) * spent.as_nanos() / took.as_nanos()).unwrap_or(used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_that_sleeps_is_charged_what_it_used() {
        let mut turns = Turns::new();
        let begun = turns.begin();
        std::thread::sleep(Duration::from_millis(50));
        let used = turns.end(begun);
        assert!(duration(used) < Duration::from_millis(25), "{:?}", duration(used));
    }

    #[test]
    fn ticks_are_as_long_as_the_time_they_take() {
        // As a scheduler does that starts: what has just begun gives no rate.
        LazyLock::force(&START);
        // Whoever is held up between two looks at the clocks knows how long at the least and at the most.
        let (before, begun, since) = (Instant::now(), ticks(), Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let (least, count, most) = (since.elapsed(), ticks() - begun, before.elapsed());
        let measured = duration(count);
        assert!(measured > least / 2 && measured < most * 2, "{measured:?} for {least:?} to {most:?}");
    }
}

//! Probation: a new version serves, and the one before it is what boots.
//!
//! ```text
//!                 ┌─ confirmed, or the time is up and nobody had to ──────────────────────────► commit
//! on probation ───┤
//!                 ├─ crashes too often, a health check fails, asked to go back, unconfirmed ──► roll-back, and quarantine
//!                 └─ the node stops ──────────────────────────────────────────────────────────► the version before boots next; it may come again
//! ```
//!
//! What somebody decides counts at once, also while health checks run: they are given up.
//!
//! The record says nothing of it but the step: a node that dies on probation boots in the version before. It ends in any case: the time is bounded.
//!
//! **Too many crashes**: the new version has had [`CRASHES_MIN`] at the least since the switch, and per second more than [`TIMES_WORSE`] times as many
//! as the version before had in its time as the current one. A crash is the end of a process with a panic or an error.

use super::health;
use crate::image::Image;
use crate::log;
use crate::protocol::{OnProbation, Unconfirmed};
use parking_lot::{Condvar, Mutex};
use plugin_abi::abi::{LOG_INFO, LOG_WARN};
use std::time::{Duration, Instant};

/// Fewer say nothing.
pub(super) const CRASHES_MIN: u64 = 5;
/// A version that crashes so many times as often as the one before is worse.
pub(super) const TIMES_WORSE: f64 = 10.0;
/// How often crashes are counted.
const LOOK: Duration = Duration::from_millis(100);
/// How long to wait from one round of health checks to the next.
const HEALTH_EVERY: Duration = Duration::from_secs(10);
/// It is said again when so much of the time is left, of the whole.
const LAST_CALL: u32 = 5;

/// One version's probation.
#[derive(Debug)]
pub(crate) struct Probation {
    from: String,
    to: String,
    time: Duration,
    ends: Instant,
    unconfirmed: Unconfirmed,
    decision: Mutex<Option<Decision>>,
    decided: Condvar,
}

/// What somebody has said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It stays.
    Confirm,
    /// It goes.
    RollBack,
    /// So does the node.
    Stop,
}

/// Why it does not stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotKept {
    /// It was found bad.
    Bad(String),
    /// Nobody has found that: the node stops.
    Stopped,
}

/// How often processes of a version crash.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Crashes {
    pub(super) count: u64,
    pub(super) in_time: Duration,
}

impl Decision {
    fn end(self) -> Result<(), NotKept> {
        match self {
            Self::Confirm => Ok(()),
            Self::RollBack => Err(NotKept::Bad("it was told to go back while it was on probation".to_owned())),
            Self::Stop => Err(NotKept::Stopped),
        }
    }
}

impl Crashes {
    fn per_second(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a rate")]
        let count = self.count as f64;
        // What has served for less than a second is not known.
        count / self.in_time.as_secs_f64().max(1.0)
    }
}

/// See the file's head.
pub(super) fn is_worse(new: Crashes, before: Crashes) -> bool {
    new.count >= CRASHES_MIN && new.per_second() > TIMES_WORSE * before.per_second()
}

impl Probation {
    pub(super) fn new(from: &str, to: &str, time: Duration, unconfirmed: Unconfirmed) -> Self {
        let ends = Instant::now() + time;
        let (from, to) = (from.to_owned(), to.to_owned());
        Self { from, to, time, ends, unconfirmed, decision: Mutex::default(), decided: Condvar::new() }
    }

    /// Says how it ends; false: somebody has said otherwise before.
    pub(super) fn decide(&self, decision: Decision) -> bool {
        let first = *self.decision.lock().get_or_insert(decision);
        self.decided.notify_all();
        first == decision
    }

    /// For people.
    pub(crate) fn status(&self) -> OnProbation {
        let left = self.ends.saturating_duration_since(Instant::now());
        OnProbation {
            from: self.from.clone(),
            to: self.to.clone(),
            ends_in_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            unconfirmed: self.unconfirmed,
        }
    }

    /// Watches the new version until it is clear what becomes of it.
    ///
    /// # Errors
    /// It does not stay: why.
    pub(super) fn watch(
        &self,
        images: &[&'static Image],
        crashes: impl Fn() -> (Crashes, Crashes),
    ) -> Result<(), NotKept> {
        self.announce(LOG_INFO, self.time);
        let (mut last_call, mut next_health) = (Some(self.ends - self.time / LAST_CALL), Instant::now() + HEALTH_EVERY);
        loop {
            if let Some(decision) = self.wait(LOOK) {
                return decision.end();
            }
            let (new, before) = crashes();
            if is_worse(new, before) {
                return Err(NotKept::Bad(format!(
                    "{} of its processes have crashed in {:.1?} on probation, more than {TIMES_WORSE} times as often as those of {}",
                    new.count, new.in_time, self.from
                )));
            }
            let now = Instant::now();
            let is_over = now >= self.ends;
            if is_over && self.unconfirmed == Unconfirmed::RolledBack {
                let time = humantime::format_duration(self.time);
                return Err(NotKept::Bad(format!("nobody has confirmed it within {time}")));
            }
            if is_over || now >= next_health {
                let health = health::check(images, || self.decision.lock().is_some());
                if let Some(decision) = self.wait(Duration::ZERO) {
                    return decision.end();
                }
                health.map_err(NotKept::Bad)?;
                next_health = Instant::now() + HEALTH_EVERY;
            }
            if is_over {
                return Ok(());
            }
            if last_call.take_if(|at| now >= *at).is_some() {
                self.announce(LOG_WARN, self.ends.saturating_duration_since(now));
            }
        }
    }

    fn wait(&self, time: Duration) -> Option<Decision> {
        let mut decision = self.decision.lock();
        if decision.is_none() {
            self.decided.wait_for(&mut decision, time);
        }
        *decision
    }

    /// Nobody is to be surprised by what comes.
    fn announce(&self, level: u32, left: Duration) {
        // No fractions of what people count.
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let left = humantime::format_duration(Duration::from_secs(seconds));
        let comes = match self.unconfirmed {
            Unconfirmed::RolledBack => {
                format!("in {left} it is rolled back to {}, unless it is confirmed: cargo system confirm", self.from)
            }
            Unconfirmed::Permanent => format!("in {left} it is permanent, unless something is wrong with it"),
        };
        log::host(level, "upgrade", &format!("{} is on probation: {comes}", self.to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes(count: u64, seconds: u64) -> Crashes {
        Crashes { count, in_time: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_version_that_crashes_ten_times_as_often_is_worse() {
        let calm = crashes(0, 3600);
        assert!(!is_worse(crashes(0, 10), calm));
        assert!(!is_worse(crashes(CRASHES_MIN - 1, 1), calm), "too few to tell");
        assert!(is_worse(crashes(CRASHES_MIN, 600), calm));
        // One a second before: eleven a second are worse, ten are not.
        let busy = crashes(60, 60);
        assert!(!is_worse(crashes(100, 10), busy));
        assert!(is_worse(crashes(110, 10), busy));
        assert!(!is_worse(crashes(9, 0), busy), "the first second counts as one");
    }

    #[test]
    fn the_first_word_counts() {
        let probation = Probation::new("1.0.0", "1.1.0", Duration::from_secs(60), Unconfirmed::RolledBack);
        assert_eq!(probation.wait(Duration::ZERO), None);
        assert!(probation.decide(Decision::Confirm) && probation.decide(Decision::Confirm));
        assert!(!probation.decide(Decision::RollBack));
        assert_eq!(probation.wait(Duration::from_secs(60)), Some(Decision::Confirm));
        let status = probation.status();
        assert!(status.ends_in_ms <= 60_000 && status.to == "1.1.0");
    }
}

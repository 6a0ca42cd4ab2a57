//! What upgrades have come to since the node was up, for metrics.

use crate::image;
use crate::protocol::{Failure, FailureKind, Upgraded};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// In seconds.
const BOUNDS: [f64; 6] = [0.000_01, 0.000_1, 0.001, 0.01, 0.1, 1.0];
const OUTCOMES: [&str; 4] = ["done", "rolled-back", "refused", "failed"];

static COUNTS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static PAUSES: Mutex<Histogram> = Mutex::new(Histogram { below: [0; BOUNDS.len()], count: 0, sum: Duration::ZERO });

struct Histogram {
    below: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

/// How long processes stood still that moved.
#[derive(Debug)]
pub(crate) struct PauseHistogram {
    /// A bound in seconds, and how many were no longer.
    pub(crate) below: Vec<(f64, u64)>,
    pub(crate) count: u64,
    pub(crate) sum: Duration,
}

/// An upgrade is over. One to what runs already is none.
pub(super) fn count(end: &Result<Upgraded, Failure>) {
    let outcome = match end {
        Ok(done) if !done.changed => return,
        Ok(_) => 0,
        Err(failure) => match failure.kind {
            FailureKind::RolledBack => 1,
            FailureKind::Refused | FailureKind::Locked => 2,
            FailureKind::Error | FailureKind::NotRolledBack => 3,
        },
    };
    COUNTS[outcome].fetch_add(1, Ordering::Relaxed);
}

/// Processes have moved.
pub(super) fn note(pauses: &[Duration]) {
    let mut histogram = PAUSES.lock();
    for pause in pauses {
        histogram.count += 1;
        histogram.sum += *pause;
        for (below, bound) in histogram.below.iter_mut().zip(BOUNDS) {
            *below += u64::from(pause.as_secs_f64() <= bound);
        }
    }
}

/// How many upgrades had each outcome.
pub(crate) fn outcomes() -> [(&'static str, u64); 4] {
    std::array::from_fn(|outcome| (OUTCOMES[outcome], COUNTS[outcome].load(Ordering::Relaxed)))
}

/// The pauses of all moves.
pub(crate) fn pauses() -> PauseHistogram {
    let histogram = PAUSES.lock();
    let below = BOUNDS.into_iter().zip(histogram.below).collect();
    PauseHistogram { below, count: histogram.count, sum: histogram.sum }
}

/// Plugin, version, and how many processes of it, current or not, that have ended with a panic or an error.
pub(crate) fn crashes() -> Vec<(&'static str, &'static str, u64)> {
    image::all().into_iter().map(|image| (image.plugin, image.version, image.crashes.get())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_counted_below_each_bound() {
        note(&[Duration::from_micros(5), Duration::from_millis(5), Duration::from_secs(5)]);
        let pauses = pauses();
        assert_eq!((pauses.count, pauses.sum), (3, Duration::from_micros(5_005_005)));
        assert_eq!(pauses.below.iter().map(|(_, number)| *number).collect::<Vec<_>>(), [1, 1, 1, 2, 2, 2]);
    }

    #[test]
    fn each_outcome_has_its_place() {
        let failure =
            |kind| Failure { kind, step: None, message: String::new(), details: None, hint: None, serving: None };
        count(&Ok(Upgraded::default()));
        count(&Ok(Upgraded { changed: true, ..Upgraded::default() }));
        count(&Err(failure(FailureKind::RolledBack)));
        count(&Err(failure(FailureKind::NotRolledBack)));
        assert_eq!(outcomes(), [("done", 1), ("rolled-back", 1), ("refused", 0), ("failed", 1)]);
    }
}

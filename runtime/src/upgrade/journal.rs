//! Writes an upgrade into the record: before it begins, before each of its steps, and what came of it.

use crate::log;
use crate::protocol::{Failure, FailureKind, Upgraded};
use crate::release::history::{By, Conclusion, Kind, Outcome, Start};
use crate::release::store::{Store, StoreError};
use plugin_abi::abi::LOG_ERROR;
use semver::Version;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One upgrade's place in the record.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    store: &'a Store,
    begun: Instant,
}

impl<'a> Journal<'a> {
    /// Nothing may begin that the record does not know of.
    pub(super) fn begin(store: &'a Store, kind: Kind, by: By, from: &str, to: Version) -> Result<Self, StoreError> {
        store.begin(Start { kind, by, at_ms: unix_ms(), from: from.parse().ok(), to })?;
        Ok(Self { store, begun: Instant::now() })
    }

    /// Nor any step of it.
    pub(super) fn step(&self, step: &str) -> Result<(), StoreError> {
        self.store.step(step)
    }

    /// What came of it has happened, whether it can be written or not: the log has it too.
    pub(super) fn end(self, end: &Result<Upgraded, Failure>) {
        if let Err(error) = self.store.end(self.conclusion(end)) {
            log::host(LOG_ERROR, "upgrade", &format!("the history has no end of this upgrade: {error}"));
        }
    }

    fn conclusion(&self, end: &Result<Upgraded, Failure>) -> Conclusion {
        let took_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (outcome, message, drained) = match end {
            Ok(done) => (done.changed.then_some(Outcome::Done), None, done.draining),
            Err(failure) => (Some(outcome(failure.kind)), Some(failure.message.clone()), 0),
        };
        Conclusion { outcome, took_us, message, drained, ..Conclusion::default() }
    }
}

fn outcome(kind: FailureKind) -> Outcome {
    match kind {
        FailureKind::Refused | FailureKind::Locked => Outcome::Refused,
        FailureKind::RolledBack => Outcome::RolledBack,
        FailureKind::Error => Outcome::Failed,
    }
}

/// By a clock that may jump: for people alone.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

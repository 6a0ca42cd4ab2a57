//! Writes an upgrade into the record: before it begins, before each of its steps, and what came of it.

use super::step::Step;
use super::transaction::Request;
use crate::log;
use crate::protocol::{Failure, FailureKind, Upgraded};
use crate::release::history::{Conclusion, Kind, Outcome, Start};
use crate::release::store::{Store, StoreError, TrustError};
use plugin_abi::abi::LOG_ERROR;
use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One upgrade's place in the record.
#[derive(Debug)]
pub(super) struct Journal<'a> {
    store: &'a Store,
    begun: Instant,
    /// The release is to be in quarantine.
    is_bad: Cell<bool>,
}

impl<'a> Journal<'a> {
    /// Nothing may begin that the record does not know of.
    pub(super) fn begin(store: &'a Store, request: &Request, from: &str) -> Result<Self, StoreError> {
        let Request { kind, by, release, .. } = request.clone();
        store.begin(Start { kind, by, at_ms: unix_ms(), from: from.parse().ok(), to: release })?;
        Ok(Self { store, begun: Instant::now(), is_bad: Cell::new(false) })
    }

    /// Nor any step of it.
    pub(super) fn step(&self, step: Step) -> Result<(), StoreError> {
        self.store.step(step.name())
    }

    /// The release served and did not do well: the same one would not do better. What could not move, or be written, may be able to at
    /// another time.
    pub(super) fn found_bad(&self) {
        self.is_bad.set(true);
    }

    /// It is done, and that release boots from now on; or neither. What was rolled back is in quarantine.
    pub(super) fn commit(&self, done: &Upgraded, request: &Request) -> Result<(), TrustError> {
        let pauses = Some(done.pauses.clone()).filter(|pauses| pauses.count > 0);
        self.store.end(Conclusion {
            outcome: Some(Outcome::Done),
            permanent: Some(request.release.clone()),
            quarantined: done.from.parse().ok().filter(|_| request.kind == Kind::Rollback),
            took_us: self.took_us(),
            message: None,
            migrated: done.pauses.count,
            pauses,
            drained: done.draining,
        })
    }

    /// What came of it, unless that was a commit. It has happened, whether it can be written or not: the log has it too.
    pub(super) fn end(&self, end: &Result<Upgraded, Failure>, request: &Request) {
        let outcome = end.as_ref().err().map(|failure| outcome(failure.kind));
        let message = end.as_ref().err().map(|failure| failure.message.clone());
        let quarantined = self.is_bad.get().then(|| request.release.clone());
        let took_us = self.took_us();
        let conclusion = Conclusion { outcome, quarantined, took_us, message, ..Conclusion::default() };
        if let Err(error) = self.store.end(conclusion) {
            log::host(LOG_ERROR, "upgrade", &format!("the history has no end of this upgrade: {error}"));
        }
    }

    fn took_us(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

fn outcome(kind: FailureKind) -> Outcome {
    match kind {
        FailureKind::Refused | FailureKind::Locked => Outcome::Refused,
        FailureKind::RolledBack => Outcome::RolledBack,
        FailureKind::Error | FailureKind::NotRolledBack => Outcome::Failed,
    }
}

/// By a clock that may jump: for people alone.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

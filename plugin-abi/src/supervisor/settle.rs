//! What an upgrade does in a tree that has moved, from the root down.
//!
//! ```text
//! start:  first to last    what was added starts; the first that fails ends it, and the tree moves back
//!         ── the upgrade is done, or undone ──
//! settle: last to first    what left is stopped by its rule, and so is what is to be renewed
//!         first to last    what is to be renewed starts
//! ```
//!
//! The node asks the root alone. A supervisor asks those below it when their turn comes, so that all of a tree's children start and stop in the
//! tree's own order.
//!
//! Renewed are permanent children that run on another version still, because they have no state that moves, and those that are
//! another: nobody would ever start them on this version otherwise. A child that ends by itself, a transient or a temporary one, is left to its end.
//! None of that counts as a restart, and no strategy stops others for it.

use super::child::{ChildKind, Restart};
use super::plan::{Key, Lot, State};
use super::reference::{Request, SupervisorRef};
use super::run::Running;
use crate::call::{CallError, ReplyTo};
use crate::ffi;
use crate::process::Pid;
use crate::start::StartError;
use crate::time::timeout;
use std::time::{Duration, Instant};

/// So long all that was added may take to start.
pub(super) const START_TIME: Duration = Duration::from_secs(20);
/// So much later it is asked for no more: it has said that it is late.
const GRACE: Duration = Duration::from_secs(2);
/// So long a supervisor waits for one below it that settles; then it goes on beside it, and the log says so.
const SETTLE_TIME: Duration = Duration::from_secs(10 * 60);

/// Whether a process is on this version.
fn is_here(pid: Pid) -> bool {
    ffi::process_info(pid.get()).is_some_and(|info| info.image == ffi::image_id())
}

impl Running {
    /// Starts what this version has added, here and below, before `until`.
    pub(super) async fn start_added(&mut self, until: Instant) -> Result<(), StartError> {
        for key in self.keys() {
            let Some(entry) = self.plan.entry(key) else { continue };
            let name = entry.child.name.to_string();
            let started = match entry.state {
                State::Waiting if entry.lot == Lot::Added => self.start_before(key, until).await,
                _ => self.start_below(key, until).await,
            };
            started.map_err(|error| StartError::Child { name, error: Box::new(error) })?;
        }
        Ok(())
    }

    async fn start_before(&mut self, key: Key, until: Instant) -> Result<(), StartError> {
        match timeout(until.saturating_duration_since(Instant::now()), self.start(key)).await {
            Ok(started) => started.map(drop),
            Err(_) => Err(StartError::Late(START_TIME.as_secs())),
        }
    }

    async fn start_below(&self, key: Key, until: Instant) -> Result<(), StartError> {
        let Some(supervisor) = self.below(key) else { return Ok(()) };
        let left = until.saturating_duration_since(Instant::now());
        let started = supervisor.address().call_within(left + GRACE, |reply| Request::StartAdded(left, reply)).await;
        started.unwrap_or_else(|error| match error {
            CallError::Timeout => Err(StartError::Late(START_TIME.as_secs())),
            CallError::Send(_) | CallError::NoReply | CallError::Unreadable => Err(StartError::Ended),
        })
    }

    /// Stops what this version does not have, and what it renews, here and below.
    pub(super) async fn stop_left(&mut self) {
        for key in self.keys().into_iter().rev() {
            let Some(entry) = self.plan.entry(key) else { continue };
            let State::Running(pid) = entry.state else { continue };
            let is_permanent = entry.child.restart == Restart::Permanent;
            if entry.lot == Lot::Leaves {
                self.stop(key, pid).await;
            } else if is_permanent && (entry.lot == Lot::Another || !is_here(pid)) {
                self.plan.renew(key);
                self.stop(key, pid).await;
            } else if let Some(supervisor) = self.below(key) {
                self.settle_below(supervisor, Request::StopLeft).await;
            }
        }
    }

    /// Starts what was stopped to be renewed, here and below.
    pub(super) async fn start_renewed(&mut self) {
        for key in self.keys() {
            if self.plan.entry(key).is_some_and(|entry| entry.lot == Lot::Renewed) {
                if self.start(key).await.is_err() {
                    self.try_again(key);
                }
            } else if let Some(supervisor) = self.below(key) {
                self.settle_below(supervisor, Request::StartRenewed).await;
            }
        }
    }

    async fn settle_below(&self, below: SupervisorRef, request: impl FnOnce(ReplyTo<()>) -> Request) {
        let (supervisor, below) = (self.address(), below.address());
        // One that ends instead is heard of by its link.
        if below.call_within(SETTLE_TIME, request).await == Err(CallError::Timeout) {
            let below = below.pid();
            tracing::warn!(%supervisor, %below, "a supervisor still settles after an upgrade: it is waited for no more");
        }
    }

    fn keys(&self) -> Vec<Key> {
        self.plan.entries().map(|(key, _)| key).collect()
    }

    /// The supervisor that this child is, if it has moved here. What runs of one that is another may be no supervisor.
    fn below(&self, key: Key) -> Option<SupervisorRef> {
        let entry = self.plan.entry(key).filter(|entry| entry.lot != Lot::Another)?;
        let State::Running(pid) = entry.state else { return None };
        let is_one = entry.child.kind == ChildKind::Supervisor && entry.child.as_supervisor().is_some();
        (is_one && is_here(pid)).then(|| SupervisorRef::of(pid))
    }
}

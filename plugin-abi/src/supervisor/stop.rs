//! Stopping children: in order, each in its time.
//!
//! ```text
//! monitored ─► signal Shutdown ─┬─ ended in time
//!                               └─ the time is up ─► killed ─┬─ ended
//!                                                            └─ not within a minute ─► given up
//! ```
//!
//! The monitor hears of a child that has unlinked itself, and of one that was dead already. A kill is waited for, since what the
//! child held, a name say, is free only then. The node stops what does not give way; what it cannot stop, as it is in an allocator, say, is
//! given up after [`KILLS_MAX`] times [`KILL_PATIENCE`]: the supervisor goes on as if it had ended, and the log says so. If it does hold
//! what its successor needs, that one's start fails, and the supervisor's intensity says what becomes of it.

use super::child::Shutdown;
use super::plan::Key;
use super::reference::Request;
use super::run::Running;
use crate::exit::{ExitReason, MonitorRef};
use crate::process::{Pid, exit, kill};
use crate::time::timeout;
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// When the log says that a killed child has not ended.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// So often it is killed.
const KILLS_MAX: u32 = 12;

/// A child that is being stopped.
struct Stopping {
    key: Key,
    monitor: MonitorRef,
    /// How often it was killed.
    kills: u32,
}

impl Running {
    /// Stops a child and waits for its end.
    pub(super) async fn stop(&mut self, key: Key, pid: Pid) {
        self.stop_together(&[(key, pid)]).await;
    }

    /// Stops all: one after the other, last to first; the children of a dynamic supervisor at once.
    pub(super) async fn stop_all(&mut self) {
        let children = self.plan.stop_all();
        if self.plan.is_dynamic() {
            return self.stop_together(&children).await;
        }
        for (key, pid) in children {
            self.stop(key, pid).await;
        }
    }

    async fn stop_together(&mut self, children: &[(Key, Pid)]) {
        let mut stopping = HashMap::with_capacity(children.len());
        let mut deadlines: BTreeMap<Instant, Vec<Pid>> = BTreeMap::new();
        let now = Instant::now();
        for (key, pid) in children {
            let Some(entry) = self.plan.entry(*key) else { continue };
            let shutdown = entry.child.shutdown;
            let monitor = self.mailbox.monitor(*pid);
            let kills = u32::from(shutdown == Shutdown::Kill);
            stopping.insert(*pid, Stopping { key: *key, monitor, kills });
            // Who is dead already is heard of by the monitor.
            if kills > 0 {
                kill(*pid)
            } else {
                exit(*pid, ExitReason::Shutdown)
            };
            let time = match shutdown {
                Shutdown::Timeout(time) => Some(time),
                Shutdown::Kill => Some(KILL_PATIENCE),
                Shutdown::Infinity => None,
            };
            if let Some(deadline) = time.and_then(|time| now.checked_add(time)) {
                deadlines.entry(deadline).or_default().push(*pid);
            }
        }
        while !stopping.is_empty() {
            let deadline = deadlines.first_key_value().map(|(deadline, _)| *deadline);
            match self.receive_until(deadline).await {
                Some(Request::Exit(ended)) if ended.pid.is_some_and(|pid| stopping.contains_key(&pid)) => {
                    if let Some(pid) = ended.pid
                        && let Some(child) = stopping.remove(&pid)
                    {
                        self.mailbox.demonitor(pid, child.monitor);
                        self.has_stopped(&child, pid, &ended.reason);
                    }
                }
                Some(Request::Down(down)) => {
                    if let Some(child) = stopping.remove(&down.pid) {
                        self.has_stopped(&child, down.pid, &down.reason);
                    }
                }
                Some(other) => self.deferred.push_back(other),
                None => {
                    let late = deadlines.pop_first().map(|(_, late)| late).unwrap_or_default();
                    let late = self.kill_late(&late, &mut stopping);
                    if !late.is_empty() {
                        deadlines.entry(Instant::now() + KILL_PATIENCE).or_default().extend(late);
                    }
                }
            }
        }
    }

    /// The next message; `None`: the time is up.
    async fn receive_until(&mut self, deadline: Option<Instant>) -> Option<Request> {
        let Some(deadline) = deadline else { return Some(self.mailbox.receive().await) };
        timeout(deadline.saturating_duration_since(Instant::now()), self.mailbox.receive()).await.ok()
    }

    /// Kills those of `late` that are still there, and gives up those that were killed often enough. Returns the others.
    fn kill_late(&mut self, late: &[Pid], stopping: &mut HashMap<Pid, Stopping>) -> Vec<Pid> {
        let supervisor = self.address();
        let mut killed = Vec::new();
        for pid in late {
            let Some(Stopping { key, monitor, kills }) = stopping.get_mut(pid) else { continue };
            let child = self.plan.entry(*key).map(|entry| entry.child.name.clone()).unwrap_or_default();
            if *kills == KILLS_MAX {
                tracing::error!(%supervisor, %child, %pid, "a child was killed and does not end: it is given up, and may hold what it has");
                self.mailbox.demonitor(*pid, *monitor);
                self.plan.stopped(*key);
                stopping.remove(pid);
                continue;
            }
            if *kills > 0 {
                tracing::warn!(%supervisor, %child, %pid, "a child was killed and has not ended yet: it does not give way");
            } else {
                tracing::warn!(%supervisor, %child, %pid, "a child did not stop in its time and is killed");
            }
            *kills += 1;
            kill(*pid);
            killed.push(*pid);
        }
        killed
    }

    fn has_stopped(&mut self, stopping: &Stopping, pid: Pid, reason: &ExitReason) {
        if let Some(entry) = self.plan.entry(stopping.key) {
            let (supervisor, child) = (self.address(), &entry.child.name);
            if reason.is_orderly() || *reason == ExitReason::NoProcess || stopping.kills > 0 {
                tracing::debug!(%supervisor, %child, %pid, %reason, "stopped");
            } else {
                tracing::error!(%supervisor, %child, %pid, %reason, "a child failed as it stopped");
            }
        }
        self.plan.stopped(stopping.key);
    }
}

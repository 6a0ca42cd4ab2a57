//! What a supervisor does next: a state machine without processes, mailbox or clock.
//!
//! ```text
//!                started                ended (to be restarted)
//!   waiting ─────────────► running ──────────────────────────────► restarting ── started ─► running
//!      ▲                      │                                        │
//!      │                      ├ ended (transient, in order) ─► stopped  └ start failed: stays, is tried again
//!      └── restart_child ─────┼──────────────────────────────────┘
//!                             └ ended (temporary, or nameless and over) ─► forgotten
//! ```
//!
//! Invariants:
//! - Children are kept in the order in which they were added, by a key that is never used twice.
//! - `by_pid` has exactly the running ones, so an end costs two look-ups, however many children there are.
//! - Each restart, and each further try after a start that failed, counts in the window.

use super::child::{Child, Restart};
use super::window::Window;
use super::{ChildError, Strategy};
use crate::process::Pid;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// A child within its supervisor.
pub(super) type Key = u64;

/// See the file's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting,
    Running(Pid),
    Stopped,
    Restarting,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) child: Child,
    pub(super) state: State,
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Plan {
    strategy: Strategy,
    window: Window,
    children: BTreeMap<Key, Entry>,
    by_pid: HashMap<Pid, Key>,
    /// Empty when names are no identities.
    by_name: HashMap<Arc<str>, Key>,
    next: Key,
}

/// What an end means.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is no child that runs.
    Unknown,
    /// It stays ended.
    Over,
    /// It is started again, and others with it.
    Restart(Round),
    /// That was one restart too many.
    GiveUp,
}

/// Stops, then starts. A start that fails ends the round.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    /// Last to first.
    pub(super) stop: Vec<(Key, Pid)>,
    /// First to last. Temporary children that were stopped are not among them.
    pub(super) start: Vec<Key>,
}

impl Plan {
    pub(super) fn new(strategy: Strategy, window: Window) -> Self {
        let (children, by_pid, by_name) = Default::default();
        Self { strategy, window, children, by_pid, by_name, next: 0 }
    }

    /// A child that is to be started. Refused: the name is another's, and names are identities here.
    pub(super) fn add(&mut self, child: Child) -> Result<Key, ChildError> {
        if self.strategy != Strategy::Dynamic {
            if let Some(key) = self.by_name.get(&child.name) {
                return Err(match self.children[key].state {
                    State::Running(pid) => ChildError::AlreadyStarted(pid),
                    _ => ChildError::AlreadyPresent,
                });
            }
            self.by_name.insert(Arc::clone(&child.name), self.next);
        }
        self.children.insert(self.next, Entry { child, state: State::Waiting });
        self.next += 1;
        Ok(self.next - 1)
    }

    pub(super) fn entry(&self, key: Key) -> Option<&Entry> {
        self.children.get(&key)
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = (Key, &Entry)> {
        self.children.iter().map(|(key, entry)| (*key, entry))
    }

    pub(super) fn by_name(&self, name: &str) -> Option<Key> {
        self.by_name.get(name).copied()
    }

    pub(super) fn by_pid(&self, pid: Pid) -> Option<Key> {
        self.by_pid.get(&pid).copied()
    }

    pub(super) fn is_dynamic(&self) -> bool {
        self.strategy == Strategy::Dynamic
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    fn set(&mut self, key: Key, state: State) {
        let Some(entry) = self.children.get_mut(&key) else { return };
        let before = std::mem::replace(&mut entry.state, state);
        if let State::Running(pid) = before {
            self.by_pid.remove(&pid);
        }
        if let State::Running(pid) = state {
            self.by_pid.insert(pid, key);
        }
    }

    /// A child runs.
    pub(super) fn started(&mut self, key: Key, pid: Pid) {
        self.set(key, State::Running(pid));
    }

    /// A start at a restart has failed: the child waits for [`retry`](Self::retry).
    pub(super) fn start_failed(&mut self, key: Key) {
        self.set(key, State::Restarting);
    }

    /// A child was stopped on purpose. One that would never be started again is forgotten.
    pub(super) fn stopped(&mut self, key: Key) {
        self.set(key, State::Stopped);
        let is_temporary = self.children.get(&key).is_some_and(|entry| entry.child.restart == Restart::Temporary);
        if is_temporary || self.is_dynamic() {
            self.forget(key);
        }
    }

    /// Takes a child out.
    pub(super) fn forget(&mut self, key: Key) {
        self.set(key, State::Stopped);
        if let Some(entry) = self.children.remove(&key) {
            self.by_name.remove(&entry.child.name);
        }
    }

    /// A process has ended; `is_orderly`: for the reason `Normal` or `Shutdown`.
    pub(super) fn ended(&mut self, pid: Pid, is_orderly: bool, now: Instant) -> Verdict {
        let Some(key) = self.by_pid(pid) else { return Verdict::Unknown };
        match self.children[&key].child.restart {
            Restart::Permanent => self.restart(key, now),
            Restart::Transient if !is_orderly => self.restart(key, now),
            Restart::Transient | Restart::Temporary => {
                self.stopped(key);
                Verdict::Over
            }
        }
    }

    /// Tries a child again whose start has failed.
    pub(super) fn retry(&mut self, key: Key, now: Instant) -> Verdict {
        match self.children.get(&key) {
            Some(entry) if entry.state == State::Restarting => self.restart(key, now),
            _ => Verdict::Unknown,
        }
    }

    fn restart(&mut self, key: Key, now: Instant) -> Verdict {
        self.set(key, State::Restarting);
        if !self.window.add(now) {
            return Verdict::GiveUp;
        }
        let affected = match self.strategy {
            Strategy::OneForOne | Strategy::Dynamic => key..key + 1,
            Strategy::OneForAll => 0..self.next,
            Strategy::RestForOne => key..self.next,
        };
        let mut round = Round::default();
        for (key, entry) in self.children.range(affected) {
            if let State::Running(pid) = entry.state {
                round.stop.push((*key, pid));
            }
            if entry.child.restart != Restart::Temporary {
                round.start.push(*key);
            }
        }
        round.stop.reverse();
        Verdict::Restart(round)
    }

    /// All that run, last to first.
    pub(super) fn stop_all(&self) -> Vec<(Key, Pid)> {
        let running = |(key, entry): (Key, &Entry)| match entry.state {
            State::Running(pid) => Some((key, pid)),
            _ => None,
        };
        self.entries().rev().filter_map(running).collect()
    }
}

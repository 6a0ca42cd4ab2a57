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
//! - A move to another version gives all children new keys: what was said of an old one is about nobody.
//!
//! A child's [`Lot`] is what an upgrade still has to do with it; without one, all stay.

use super::child::{Child, Restart};
use super::inherit::Heir;
use super::window::Window;
use super::{ChildError, Strategy};
use crate::process::Pid;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// A child within its supervisor.
pub(super) type Key = u64;

/// See the file's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Waiting,
    Running(Pid),
    Stopped,
    Restarting,
}

/// What an upgrade has to do with a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lot {
    /// Nothing.
    Stays,
    /// This version has added it: it is to be started.
    Added,
    /// This version does not have it: it is to be stopped.
    Leaves,
    /// What runs is something else than what this version has there.
    Another,
    /// It is stopped to be started again by this version.
    Renewed,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) child: Child,
    pub(super) state: State,
    pub(super) lot: Lot,
    /// The version's own list has it; else somebody has added it.
    pub(super) is_listed: bool,
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

    /// One that has moved, with the children that it has now, and the first key that was not given before.
    pub(super) fn moved(strategy: Strategy, window: Window, heirs: Vec<Heir>, next: Key) -> Self {
        let mut plan = Self { next, ..Self::new(strategy, window) };
        for Heir { child, state, lot, is_listed } in heirs {
            if strategy != Strategy::Dynamic {
                plan.by_name.insert(Arc::clone(&child.name), plan.next);
            }
            plan.children.insert(plan.next, Entry { child, state: State::Waiting, lot, is_listed });
            plan.set(plan.next, state);
            plan.next += 1;
        }
        plan
    }

    /// A child of the version's list.
    pub(super) fn list(&mut self, child: Child) -> Result<Key, ChildError> {
        let key = self.add(child)?;
        if let Some(entry) = self.children.get_mut(&key) {
            entry.is_listed = true;
        }
        Ok(key)
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
        let entry = Entry { child, state: State::Waiting, lot: Lot::Stays, is_listed: false };
        self.children.insert(self.next, entry);
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

    pub(super) fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// The first key that was not given yet.
    pub(super) fn next(&self) -> Key {
        self.next
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
        self.set_lot(key, Lot::Stays);
    }

    fn set_lot(&mut self, key: Key, lot: Lot) {
        if let Some(entry) = self.children.get_mut(&key) {
            entry.lot = lot;
        }
    }

    /// A child that runs is about to be stopped, to be started again as this version has it.
    pub(super) fn renew(&mut self, key: Key) {
        self.set_lot(key, Lot::Renewed);
    }

    /// A start at a restart has failed: the child waits for [`retry`](Self::retry).
    pub(super) fn start_failed(&mut self, key: Key) {
        self.set(key, State::Restarting);
        self.set_lot(key, Lot::Stays);
    }

    /// A child was stopped on purpose. One that would never be started again is forgotten.
    pub(super) fn stopped(&mut self, key: Key) {
        if self.children.get(&key).is_some_and(|entry| entry.lot == Lot::Renewed) {
            return self.set(key, State::Waiting);
        }
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

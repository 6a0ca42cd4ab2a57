//! What a node's folder knows of its releases beyond their folders. Pure: data and its changes.
//!
//! ```text
//!              ┌─────────────── refused, rolled back, crashed ──────────────┐
//! unpacked ─ begin ─► (current: in a node's memory, never on disk) ─ end ─► permanent ─ another becomes permanent ─► old
//!     old ───┘
//! ```
//!
//! - A release is unpacked when it has a folder and is named here neither as permanent nor as old.
//! - The permanent one boots. A node that dies while another is current boots in it again.
//! - Old ones have been permanent, the last one first: where a roll-back goes, unless they are in quarantine.
//! - At most one attempt is in progress. It is here from before its first step until its end, so that a boot finds it.

use super::history::{Attempt, Conclusion, Entry, HISTORY_LEN_MAX, Start};
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};

/// Version of the record's shape.
pub const RECORD_SCHEMA: u32 = 1;

/// `releases/RELEASES`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_SCHEMA`] of the writer.
    pub schema: u32,
    /// What boots.
    pub permanent: Option<Version>,
    /// What was permanent before, the last one first.
    #[serde(default)]
    pub old: Vec<Version>,
    /// Releases that were rolled back by themselves: not to be tried again unless forced.
    #[serde(default)]
    pub quarantined: Vec<Version>,
    /// The highest counter of a signed release that has been permanent.
    #[serde(default)]
    pub counter: Option<Counter>,
    /// The number of the last attempt.
    #[serde(default)]
    pub last_number: u64,
    /// What is being tried.
    #[serde(default)]
    pub in_progress: Option<Attempt>,
    /// What has been tried, the oldest first.
    #[serde(default)]
    pub history: Vec<Entry>,
}

/// How new a signed release is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The higher, the newer.
    pub value: u64,
    /// The release.
    pub version: Version,
}

/// A release's state on disk; current is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is there, and that is all.
    Unpacked,
    /// It boots.
    Permanent,
    /// It was permanent before.
    Old,
}

impl State {
    /// OTP's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unpacked => "unpacked",
            Self::Permanent => "permanent",
            Self::Old => "old",
        }
    }
}

impl Default for Record {
    fn default() -> Self {
        Self {
            schema: RECORD_SCHEMA,
            permanent: None,
            old: Vec::new(),
            quarantined: Vec::new(),
            counter: None,
            last_number: 0,
            in_progress: None,
            history: Vec::new(),
        }
    }
}

impl Record {
    /// Of a folder in which nothing has happened yet.
    #[must_use]
    pub fn first(version: &Version) -> Self {
        let mut record = Self::default();
        record.make_permanent(version);
        record
    }

    /// The state of a release that has a folder.
    #[must_use]
    pub fn state(&self, version: &Version) -> State {
        if self.permanent.as_ref() == Some(version) {
            State::Permanent
        } else if self.old.contains(version) {
            State::Old
        } else {
            State::Unpacked
        }
    }

    /// Is it to be tried only when forced?
    #[must_use]
    pub fn is_quarantined(&self, version: &Version) -> bool {
        self.quarantined.contains(version)
    }

    /// Where a roll-back goes that names no release: to the last one that has been permanent before, and that nobody went back from.
    #[must_use]
    pub fn way_back(&self) -> Option<&Version> {
        self.old.iter().find(|old| !self.is_quarantined(old))
    }

    /// Has it ever been permanent here?
    #[must_use]
    pub fn has_served(&self, version: &Version) -> bool {
        self.state(version) != State::Unpacked
    }

    /// Puts a release in quarantine.
    pub fn quarantine(&mut self, version: &Version) {
        if !self.is_quarantined(version) {
            self.quarantined.push(version.clone());
        }
    }

    /// It boots from now on; what did is old, and nobody's quarantine holds what serves well.
    pub fn make_permanent(&mut self, version: &Version) {
        if self.permanent.as_ref() == Some(version) {
            return;
        }
        self.old.retain(|old| old != version);
        self.quarantined.retain(|quarantined| quarantined != version);
        if let Some(before) = self.permanent.replace(version.clone()) {
            self.old.insert(0, before);
        }
    }

    /// A signed release has become permanent: no older one is taken from now on.
    pub fn raise_counter(&mut self, value: u64, version: &Version) {
        if self.counter.as_ref().is_none_or(|last| last.value < value) {
            self.counter = Some(Counter { value, version: version.clone() });
        }
    }

    /// A release that is no longer in the folder.
    pub fn forget(&mut self, version: &Version) {
        self.old.retain(|old| old != version);
        self.quarantined.retain(|quarantined| quarantined != version);
    }

    pub(super) fn begin(&mut self, start: Start) -> u64 {
        // Nobody begins twice; what is here was left by a node that could not write its end.
        self.recover();
        self.last_number += 1;
        self.in_progress = Some(start.numbered(self.last_number));
        self.last_number
    }

    pub(super) fn step(&mut self, step: &str) {
        if let Some(attempt) = &mut self.in_progress {
            step.clone_into(&mut attempt.step);
        }
    }

    pub(super) fn end(&mut self, conclusion: Conclusion) {
        if let Some(version) = &conclusion.permanent {
            self.make_permanent(version);
        }
        if let Some(version) = &conclusion.quarantined {
            self.quarantine(version);
        }
        if let (Some(attempt), Some(outcome)) = (self.in_progress.take(), conclusion.outcome) {
            self.add(attempt.ended(outcome, conclusion));
        }
    }

    pub(super) fn recover(&mut self) -> Option<Entry> {
        let entry = self.in_progress.take()?.crashed();
        self.add(entry.clone());
        Some(entry)
    }

    fn add(&mut self, entry: Entry) {
        self.history.push(entry);
        let superfluous = self.history.len().saturating_sub(HISTORY_LEN_MAX);
        self.history.drain(..superfluous);
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::{By, Kind, MESSAGE_LEN_MAX, Outcome};
    use super::*;

    fn version(patch: u64) -> Version {
        Version::new(1, 0, patch)
    }

    fn start(to: u64, at_ms: u64) -> Start {
        Start { kind: Kind::Upgrade, by: By::default(), at_ms, from: None, to: version(to) }
    }

    fn ended(outcome: Outcome) -> Conclusion {
        Conclusion { outcome: Some(outcome), ..Conclusion::default() }
    }

    #[test]
    fn what_was_permanent_is_old_the_last_one_first() {
        let mut record = Record::default();
        for patch in [1, 2, 3, 3, 1] {
            record.make_permanent(&version(patch));
        }
        assert_eq!(record.permanent, Some(version(1)));
        assert_eq!(record.old, [version(3), version(2)], "none is named twice");
        assert_eq!(record.state(&version(1)), State::Permanent);
        assert_eq!(record.state(&version(2)), State::Old);
        assert_eq!(record.state(&version(4)), State::Unpacked);
    }

    #[test]
    fn the_historys_order_is_the_attempts_whatever_the_clock_says() {
        let mut record = Record::default();
        for (to, at_ms) in [(1, 9_000), (2, 100), (3, 5_000)] {
            record.begin(start(to, at_ms));
            record.end(ended(Outcome::Done));
        }
        let numbers: Vec<_> = record.history.iter().map(|entry| (entry.attempt.number, &entry.attempt.to)).collect();
        assert_eq!(numbers, [(1, &version(1)), (2, &version(2)), (3, &version(3))]);
    }

    #[test]
    fn what_nobody_ended_has_crashed_in_its_last_step() {
        let mut record = Record::default();
        record.begin(start(1, 0));
        record.step("prepare");
        let entry = record.recover().expect("an attempt was in progress");
        assert_eq!((entry.outcome, entry.attempt.step.as_str()), (Outcome::Crashed, "prepare"));
        assert_eq!(record.history, [entry]);
        assert_eq!(record.recover(), None, "once");
        record.begin(start(2, 0));
        assert_eq!(record.begin(start(3, 0)), 3, "no number is given twice");
        assert_eq!(record.history.len(), 2, "and no attempt is lost");
    }

    #[test]
    fn nothing_to_do_leaves_no_word() {
        let mut record = Record::default();
        record.begin(start(1, 0));
        record.end(Conclusion::default());
        assert_eq!((record.in_progress, record.history), (None, Vec::new()));
    }

    #[test]
    fn the_history_is_bounded_in_number_and_in_length() {
        let mut record = Record::default();
        for number in 0..HISTORY_LEN_MAX as u64 + 3 {
            record.begin(start(number, 0));
            record.end(Conclusion { message: Some("é".repeat(MESSAGE_LEN_MAX + 1)), ..ended(Outcome::Refused) });
        }
        assert_eq!(record.history.len(), HISTORY_LEN_MAX);
        assert_eq!(record.history[0].attempt.number, 4, "the oldest went");
        let message = record.history[0].message.as_deref().unwrap_or_default();
        assert_eq!(message.chars().count(), MESSAGE_LEN_MAX);
    }

    #[test]
    fn the_way_back_leads_to_the_last_one_that_nobody_went_back_from() {
        let mut record = Record::default();
        assert_eq!(record.way_back(), None);
        for patch in [1, 2, 3] {
            record.make_permanent(&version(patch));
        }
        assert_eq!(record.way_back(), Some(&version(2)));
        record.make_permanent(&version(2));
        record.quarantine(&version(3));
        assert_eq!(record.way_back(), Some(&version(1)), "not forth again to what was left");
        record.make_permanent(&version(1));
        record.quarantine(&version(2));
        assert_eq!(record.way_back(), None);
        assert!(record.has_served(&version(3)) && record.has_served(&version(1)) && !record.has_served(&version(4)));
    }

    #[test]
    fn a_quarantine_ends_when_the_release_becomes_permanent() {
        let mut record = Record::default();
        record.quarantine(&version(1));
        record.quarantine(&version(1));
        assert_eq!(record.quarantined, [version(1)]);
        record.make_permanent(&version(1));
        assert!(!record.is_quarantined(&version(1)));
    }
}

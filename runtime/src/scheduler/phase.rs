//! How far it has come with stopping a thread: one word, on which the thread and whoever stops it wait for each other.
//!
//! ```text
//! idle ─ ask (who freezes) ─► asked ─ answer (the signal's handler, on the thread) ─┬─► stopped ─┬─ freeze ─► frozen, for ever
//!  ▲                            │ withdraw: no answer in time                       └─► busy     │
//!  └────────────────────────────┴──────────────────────────────── release ◄───────────────┴──────┘
//! any ─ end (the thread, at a fault) ─► frozen
//! ```
//!
//! Invariants, which `tests/loom` checks: one asks at a time; a thread waits in its handler only while "stopped" or "frozen" stands
//! there, so whoever takes "stopped" away wakes it; one that was asked again meanwhile returns, and the next signal finds it.

use crate::sync::{AtomicU32, Ordering};

const IDLE: u32 = 0;
const ASKED: u32 = 1;
const STOPPED: u32 = 2;
const BUSY: u32 = 3;
const FROZEN: u32 = 4;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Phase(AtomicU32);

impl Phase {
    pub(super) fn new() -> Self {
        Self(AtomicU32::new(IDLE))
    }

    /// The word, to wait on.
    pub(super) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    fn step(&self, from: u32, to: u32) -> bool {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// False: another has asked.
    pub(super) fn ask(&self) -> bool {
        self.step(IDLE, ASKED)
    }

    /// The value to wait on for an answer; `None`: it is there.
    pub(super) fn unanswered(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|now| *now == ASKED)
    }

    /// The question is taken back. False: it was answered.
    pub(super) fn withdraw(&self) -> bool {
        self.step(ASKED, IDLE)
    }

    /// Whether somebody asks. For the handler.
    pub(super) fn is_asked(&self) -> bool {
        self.unanswered().is_some()
    }

    /// For the handler. False: the question was taken back.
    pub(super) fn answer(&self, may_stop: bool) -> bool {
        self.step(ASKED, if may_stop { STOPPED } else { BUSY })
    }

    /// The value to wait on in the handler; `None`: the thread goes on.
    pub(super) fn halted(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|now| matches!(*now, STOPPED | FROZEN))
    }

    /// For whoever has asked: whether the thread waits for the verdict.
    pub(super) fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire) == STOPPED
    }

    /// It never runs again. For whoever has asked, and found it stopped.
    pub(super) fn freeze(&self) {
        self.step(STOPPED, FROZEN);
    }

    /// It goes on. For whoever has asked, and was answered; who waits must be woken. One that has come to its end meanwhile, by a
    /// fault, stays as it is.
    pub(super) fn release(&self) {
        if !self.step(STOPPED, IDLE) {
            self.step(BUSY, IDLE);
        }
    }

    /// It never runs again. For the thread itself.
    pub(super) fn end(&self) {
        self.0.store(FROZEN, Ordering::Release);
    }

    /// Whether it never runs again.
    pub(super) fn is_frozen(&self) -> bool {
        self.0.load(Ordering::Acquire) == FROZEN
    }
}

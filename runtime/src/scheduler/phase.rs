//! How far it has come with stopping a thread: one word, on which the thread and whoever stops it wait for each other.
//!
//! ```text
//! idle ─ ask (who freezes) ─► asked ─ answer (the signal's handler, on the thread) ─┬─► stopped ─┬─ freeze ─► frozen, for ever
//!  ▲ ▲                          │ withdraw: no answer in time                       └─► busy     │
//!  │ └──────────────────────────┴──────────────────────────────── release ◄───────────────┴──────┘
//!  │
//! idle ─ ask_pause (the rotation) ─► pausing ─ settle (the handler) ─┬─► paused ─ ask (who freezes) ─► stopped
//!  ▲                                    │ ask (who freezes) ─► asked └─► idle   │
//!  └──────────────── resume ◄───────────┴────────────────────────────────┘
//! any ─ end (the thread, at a fault) ─► frozen
//! ```
//!
//! Invariants, which `tests/loom` checks: one asks at a time, and who freezes goes before the rotation; a thread waits in its handler
//! only while "stopped", "paused" or "frozen" stands there, so whoever takes that away wakes it; one that was asked again meanwhile
//! returns, and the next signal finds it.

use crate::sync::{AtomicU32, Ordering};

const IDLE: u32 = 0;
const ASKED: u32 = 1;
const STOPPED: u32 = 2;
const BUSY: u32 = 3;
const FROZEN: u32 = 4;
const PAUSING: u32 = 5;
const PAUSED: u32 = 6;
/// More steps of others than there can be between a look and a step.
const TRIES: usize = 4;

/// What became of a question whether a thread may be frozen.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Put: a signal has to be sent.
    Asked,
    /// It needs none: the thread is paused, and now waits for the verdict.
    Stopped,
    /// Another has asked.
    Refused,
}

/// What a thread is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// To wait for a verdict.
    Stop,
    /// To wait until it is resumed.
    Pause,
}

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

    /// For whoever wants to freeze it.
    pub(super) fn ask(&self) -> Ask {
        for _ in 0..TRIES {
            let (from, to, asked) = match self.0.load(Ordering::Acquire) {
                from @ (IDLE | PAUSING) => (from, ASKED, Ask::Asked),
                PAUSED => (PAUSED, STOPPED, Ask::Stopped),
                _ => return Ask::Refused,
            };
            if self.step(from, to) {
                return asked;
            }
        }
        Ask::Refused
    }

    /// For the rotation. False: somebody stops it, or has.
    pub(super) fn ask_pause(&self) -> bool {
        self.step(IDLE, PAUSING)
    }

    /// For the rotation: it goes on, or is no longer asked to pause. True: it must be woken.
    pub(super) fn resume(&self) -> bool {
        !self.step(PAUSING, IDLE) && self.step(PAUSED, IDLE)
    }

    /// Whether it waits to be resumed.
    pub(super) fn is_paused(&self) -> bool {
        self.0.load(Ordering::Acquire) == PAUSED
    }

    /// The value to wait on for an answer; `None`: it is there.
    pub(super) fn unanswered(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|now| *now == ASKED)
    }

    /// The question is taken back. False: it was answered.
    pub(super) fn withdraw(&self) -> bool {
        self.step(ASKED, IDLE)
    }

    /// What somebody asks. For the handler.
    pub(super) fn question(&self) -> Option<Question> {
        match self.0.load(Ordering::Acquire) {
            ASKED => Some(Question::Stop),
            PAUSING => Some(Question::Pause),
            _ => None,
        }
    }

    /// For the handler that was asked to pause. One that may not goes on, and is asked again. True: it is paused.
    pub(super) fn settle(&self, may_pause: bool) -> bool {
        self.step(PAUSING, if may_pause { PAUSED } else { IDLE }) && may_pause
    }

    /// For the handler. False: the question was taken back.
    pub(super) fn answer(&self, may_stop: bool) -> bool {
        self.step(ASKED, if may_stop { STOPPED } else { BUSY })
    }

    /// The value to wait on in the handler; `None`: the thread goes on.
    pub(super) fn halted(&self) -> Option<u32> {
        Some(self.0.load(Ordering::Acquire)).filter(|now| matches!(*now, STOPPED | FROZEN | PAUSED))
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

//! A process's life in one atomic word.
//!
//! ```text
//!            wake                  run                 Pending
//!   idle ───────────► scheduled ───────► running ─────────────────► idle
//!                        ▲                  │ │   (woken meanwhile)
//!                        └──────────────────┼─┘
//!                                           │ Ready, panic, or KILL seen before or after a poll
//!                                           ▼
//!                                         dead ── last reference ──► free ── new generation ──► scheduled
//! ```
//!
//! suspended: running, though nobody polls it: whoever moves it is its runner, until `resume` makes it scheduled.
//!
//! The word: generation (32 bits) · references (24) · flags (8). Invariants:
//! - Exactly one party may enqueue: whoever turns `SCHEDULED` on while neither `SCHEDULED`, `RUNNING` nor `DEAD` was set,
//!   or the runner that finds `SCHEDULED` when it leaves.
//! - A scheduled process is alive: only its runner ends it. So a run queue's entry needs no reference of its own; the
//!   life reference, given back by the runner after `DEAD`, covers it.
//! - Whoever schedules an idle process needs no reference either, until it puts it into a run queue (`schedule_idle`): nobody else may, so
//!   nobody runs it, and nobody ends it.
//! - A reference to a process by pid is taken only while references > 0 and the generation is the pid's: one
//!   compare-and-swap, hence never a process that has taken over the slot.

use crate::sync::{AtomicU64, Ordering};

const SCHEDULED: u64 = 1;
const RUNNING: u64 = 1 << 1;
const DEAD: u64 = 1 << 2;
const KILL: u64 = 1 << 3;
const REFERENCE: u64 = 1 << 8;
const REFERENCES: u64 = 0xFF_FFFF << 8;
const REFERENCES_MAX: u64 = REFERENCES / 2;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct State(AtomicU64);

/// A process that waits, as its word was read: nobody runs it, and nobody has woken it.
#[derive(Debug)]
pub(crate) struct Idle(u64);

/// What the caller of a wake has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Put it into a run queue.
    Enqueue,
    /// Nothing: it is scheduled, running, or dead.
    Nothing,
}

/// What a runner finds when it takes a process up.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Poll it.
    Poll,
    /// End it.
    Kill,
}

/// What a runner finds when a poll has returned `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// It waits.
    Idle,
    /// It was woken meanwhile: put it into a run queue.
    Enqueue,
    /// It was killed meanwhile and is still running: end it.
    Kill,
}

impl State {
    /// A slot that was never used: generation 0, no reference.
    pub(crate) fn unused() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Begins a new life, scheduled and with one reference: the life's own. Returns its generation.
    /// Only for the slot's owner: no reference exists.
    pub(crate) fn begin(&self) -> u32 {
        let generation = self.generation() + 1;
        self.0.store((u64::from(generation) << 32) | REFERENCE | SCHEDULED, Ordering::Release);
        generation
    }

    /// The generation of the life that is, or was last.
    pub(crate) fn generation(&self) -> u32 {
        (self.0.load(Ordering::Relaxed) >> 32) as u32
    }

    /// True when the slot's generations are used up: it must not be given out again.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.generation() == u32::MAX
    }

    /// True between `begin` and `end`.
    pub(crate) fn is_alive(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word & REFERENCES != 0 && word & DEAD == 0
    }

    /// True while its runner polls it.
    pub(crate) fn is_running(&self) -> bool {
        let word = self.0.load(Ordering::Acquire);
        word & RUNNING != 0 && word & DEAD == 0
    }

    /// True while it waits in a run queue, or has been woken while it runs.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.0.load(Ordering::Acquire) & SCHEDULED != 0
    }

    /// True once it was killed.
    pub(crate) fn is_killed(&self) -> bool {
        self.0.load(Ordering::Acquire) & KILL != 0
    }

    pub(crate) fn wake(&self) -> Wake {
        self.schedule(SCHEDULED)
    }

    /// That life, if it waits. For who knows only the generation; what is read of the process after this is that life's if `schedule_idle`
    /// says so.
    pub(crate) fn idle(&self, generation: u32) -> Option<Idle> {
        let word = self.0.load(Ordering::Acquire);
        let is_idle = word & (SCHEDULED | RUNNING | DEAD) == 0 && word & REFERENCES != 0;
        (is_idle && (word >> 32) as u32 == generation).then_some(Idle(word))
    }

    /// Wakes it, if nothing has happened to it since. True: the caller puts it into a run queue.
    #[must_use]
    pub(crate) fn schedule_idle(&self, Idle(word): Idle) -> bool {
        self.0.compare_exchange(word, word | SCHEDULED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Asks its runner to end it.
    pub(crate) fn kill(&self) -> Wake {
        self.schedule(SCHEDULED | KILL)
    }

    fn schedule(&self, flags: u64) -> Wake {
        let before = self.0.fetch_or(flags, Ordering::AcqRel);
        if before & (SCHEDULED | RUNNING | DEAD) == 0 { Wake::Enqueue } else { Wake::Nothing }
    }

    /// The runner takes it up. Only for whoever took it out of a run queue.
    pub(crate) fn run(&self) -> Run {
        let before = self.0.fetch_xor(SCHEDULED | RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before & (SCHEDULED | RUNNING | DEAD), SCHEDULED, "only a scheduled process is run");
        if before & KILL == 0 { Run::Poll } else { Run::Kill }
    }

    /// The runner's poll returned `Pending`.
    pub(crate) fn leave(&self) -> Leave {
        if self.0.load(Ordering::Acquire) & KILL != 0 {
            return Leave::Kill;
        }
        // A kill that comes between sets SCHEDULED too, so the run queue's next runner sees it.
        let before = self.0.fetch_and(!RUNNING, Ordering::AcqRel);
        if before & SCHEDULED == 0 { Leave::Idle } else { Leave::Enqueue }
    }

    /// It was suspended and goes on: the caller puts it into a run queue. For whoever moves it.
    pub(crate) fn resume(&self) {
        self.0.fetch_or(SCHEDULED, Ordering::AcqRel);
        self.0.fetch_and(!RUNNING, Ordering::AcqRel);
    }

    /// The runner has ended it.
    pub(crate) fn end(&self) {
        self.0.fetch_or(DEAD, Ordering::AcqRel);
    }

    /// Another reference, for the holder of one.
    pub(crate) fn acquire(&self) {
        let before = self.0.fetch_add(REFERENCE, Ordering::Relaxed);
        if before & REFERENCES > REFERENCES_MAX {
            // As `Arc` does: more would run into the generation.
            std::process::abort();
        }
    }

    /// A reference for one who knows only the generation. False: that life is over and its slot free or taken.
    pub(crate) fn try_acquire(&self, generation: u32) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            let lives = (word >> 32) as u32 == generation && word & REFERENCES != 0;
            if !lives || word & REFERENCES > REFERENCES_MAX {
                return false;
            }
            match self.0.compare_exchange_weak(word, word + REFERENCE, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
    }

    /// Gives a reference back. True: it was the last, and the caller now owns the slot.
    #[must_use]
    pub(crate) fn release(&self) -> bool {
        self.0.fetch_sub(REFERENCE, Ordering::AcqRel) & REFERENCES == REFERENCE
    }
}

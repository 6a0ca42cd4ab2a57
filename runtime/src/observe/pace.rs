//! Work in short steps, so that a scheduler that shares the processor with it is not kept waiting.
//!
//! ```text
//! waits in its queue ─ its turn ─► a step ─ it has lasted ─► the turn goes on to the next, a pause ─► waits …
//! ```
//!
//! However many clients ask, one at a time walks through processes, and one at a time evaluates: their steps would add up otherwise. Whoever writes to
//! a client, waits, or calls what does, gives the turn on before ([`Pace::rest`]): so it comes to each after a step of each of the others.

use parking_lot::{FairMutex, FairMutexGuard};
use std::time::{Duration, Instant};

/// A step, and the pause after it: the kernel lets the one go first that has slept.
const STEP: Duration = Duration::from_micros(500);
const PAUSE: Duration = Duration::from_micros(150);
/// The clock is looked at once in so many pieces of work.
const LOOK: u32 = 64;

/// Queues of their own: a walk is short, and an evaluation may go on for a minute.
static WALKS: FairMutex<()> = FairMutex::new(());
static EVALUATIONS: FairMutex<()> = FairMutex::new(());

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Pace {
    queue: &'static FairMutex<()>,
    turn: Option<FairMutexGuard<'static, ()>>,
    begun: Instant,
    pieces: u32,
}

impl Pace {
    /// Of a walk through processes.
    pub(crate) fn new() -> Self {
        Self::in_queue(&WALKS)
    }

    /// Of an evaluation.
    pub(crate) fn of_evaluation() -> Self {
        Self::in_queue(&EVALUATIONS)
    }

    fn in_queue(queue: &'static FairMutex<()>) -> Self {
        Self { queue, turn: None, begun: Instant::now(), pieces: 0 }
    }

    /// After each piece of work of a microsecond or less.
    pub(crate) fn step(&mut self) {
        self.pieces = self.pieces.wrapping_add(1);
        let is_over = self.pieces.is_multiple_of(LOOK) && self.begun.elapsed() >= STEP;
        if is_over && self.turn.is_some() {
            self.rest();
            std::thread::sleep(PAUSE);
        }
        if self.turn.is_none() {
            self.turn = Some(self.queue.lock());
            self.begun = Instant::now();
        }
    }

    /// Gives the turn on, until the next step.
    pub(crate) fn rest(&mut self) {
        self.turn = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    #[test]
    fn one_at_a_time_works_and_each_gets_its_turn() {
        let (working, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
        let turns = [const { AtomicU32::new(0) }; 8];
        let work = |turns: &AtomicU32| {
            let mut pace = Pace::new();
            pace.step();
            while !is_over.load(Ordering::Relaxed) {
                assert_eq!(working.fetch_add(1, Ordering::SeqCst), 0, "nobody else works");
                let begun = pace.begun;
                working.fetch_sub(1, Ordering::SeqCst);
                pace.step();
                turns.fetch_add(u32::from(pace.begun != begun), Ordering::Relaxed);
            }
        };
        let had_all = || turns.iter().all(|turns| turns.load(Ordering::Relaxed) > 0);
        std::thread::scope(|scope| {
            for turns in &turns {
                scope.spawn(|| work(turns));
            }
            let begun = Instant::now();
            while !had_all() && begun.elapsed() < Duration::from_secs(30) {
                std::thread::sleep(Duration::from_millis(10));
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert!(had_all(), "{turns:?}");
    }

    #[test]
    fn who_rests_keeps_nobody_waiting() {
        let mut first = Pace::of_evaluation();
        first.step();
        first.rest();
        std::thread::spawn(|| Pace::of_evaluation().step()).join().expect("it has had its turn");
        first.step();
        Pace::new().step();
    }
}

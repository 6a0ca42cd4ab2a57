//! Moves at a barrier: nobody goes on before all stand still, and all go on on the other image at once; or all where they were.
//!
//! ```text
//! stop: each gives its state at its boundary, stands, and a helper makes its future ─► restore: of those that had none ─► cross: each is put in its
//!   │                                                                                     │                                place, and all go on
//!   └─ one is late, or cannot be restored, or it takes too long ──────────────────────────┴─► all go on where they were: nothing has changed
//! ```
//!
//! Invariants:
//! - Until the crossing no process has another future, and who calls has changed nothing; the crossing cannot fail, and runs no plugin's code.
//! - Each that has given its state goes on exactly once: by the crossing, by who turns its phase to `Over`, or, if that was before its turn was over,
//!   by [`book::suspended`].
//! - No more helpers are at work than [`Limits::at_a_time`], so that conversions that hang hold no more threads than that.
//! - It is bounded by [`Limits`]: `boundary` for each to stop, `conversion` to be restored, and `barrier` for all of it.
//!
//! Who stands cannot answer: a process that waits for another one's answer in a callback comes to no boundary while that one stands, and is late. That
//! refuses the whole, and is the price of a barrier.

use super::batch::{Bell, Fault, Limits, Report, ask, movers, watch, watch_memory};
use super::book;
use super::helper::{self, Restored};
use super::single::{Move, Outcome, Phase, Want};
use crate::image::Image;
use crate::process::Pid;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Instant;

/// Those that still run may start others; after so many rounds, those that are left move behind the barrier.
const ROUNDS_MAX: usize = 8;

/// Has all that can move to one of these images, each of another plugin, cross to it at once. `at_the_barrier` is called while all stand still, when
/// nothing can fail any more; not at all if there is a fault.
pub(crate) fn cross(to: &[&'static Image], limits: Limits, at_the_barrier: impl FnOnce()) -> Report {
    let mut barrier = Barrier {
        to: to.to_vec(),
        limits,
        bell: Arc::new(Bell::new(limits.at_a_time)),
        moves: Vec::new(),
        since: Instant::now(),
    };
    match barrier.stop().and_then(|()| barrier.restore()) {
        Ok(()) => match catch_unwind(AssertUnwindSafe(at_the_barrier)) {
            Ok(()) => barrier.go_on_there(),
            Err(panic) => {
                // Nobody is left standing for it.
                barrier.give_up("the node has panicked");
                resume_unwind(panic)
            }
        },
        Err(fault) => barrier.go_on_here(fault),
    }
}

fn is_left(phase: &Phase) -> bool {
    matches!(phase, Phase::Standing { is_left: true, .. })
}

fn is_ready(phase: &Phase) -> bool {
    matches!(phase, Phase::Ready { .. })
}

struct Barrier {
    to: Vec<&'static Image>,
    limits: Limits,
    bell: Arc<Bell>,
    moves: Vec<Arc<Move>>,
    /// When the first was asked to stop.
    since: Instant,
}

impl Barrier {
    /// Until nobody is found that still runs.
    fn stop(&mut self) -> Result<(), Fault> {
        for _ in 0..ROUNDS_MAX {
            let known: HashSet<Pid> = self.moves.iter().map(|moving| moving.pid).collect();
            let all = self.to.iter().flat_map(|to| movers(to).into_iter().map(move |mover| (mover, *to)));
            let others = all.filter(|((process, ..), _)| !known.contains(&process.pid()));
            let asked: Vec<_> = others.map(|(mover, to)| ask(mover, to, Want::Cross, &self.bell)).collect();
            if asked.is_empty() {
                break;
            }
            self.moves.extend(asked.iter().cloned());
            self.wait(asked, |phase| is_left(phase) || is_ready(phase))?;
        }
        Ok(())
    }

    /// Those that no helper was left for, a few at a time, until each has a future that can take its place. Nobody else is at work then.
    fn restore(&self) -> Result<(), Fault> {
        let left: Vec<_> = self.moves.iter().filter(|moving| is_left(&moving.phase.lock())).cloned().collect();
        for some in left.chunks(self.limits.at_a_time) {
            // No places are asked for: one that is ready may not have given its own back yet, and nobody else comes to take any.
            some.iter().for_each(helper::restore);
            self.wait(some.to_vec(), is_ready)?;
        }
        Ok(())
    }

    /// Until each is where it should be, or has ended.
    fn wait(&self, mut left: Vec<Arc<Move>>, is_there: impl Fn(&Phase) -> bool) -> Result<(), Fault> {
        loop {
            let seen = self.bell.seen();
            let mut waiting = Vec::new();
            watch_memory(&left, self.limits);
            for moving in left {
                watch(&moving, self.limits);
                match moving.outcome() {
                    Some(Outcome::Ended) => {}
                    Some(outcome) => return Err(self.fault(&moving, outcome)),
                    None if is_there(&moving.phase.lock()) => {}
                    None => waiting.push(moving),
                }
            }
            let Some(one) = waiting.first() else { return Ok(()) };
            if self.since.elapsed() > self.limits.barrier {
                let reason = format!("not all were through the barrier in {:?}", self.limits.barrier);
                return Err(Fault { pid: one.pid, state: one.state, reason });
            }
            self.bell.wait(seen, waiting.len());
            left = waiting;
        }
    }

    fn fault(&self, moving: &Move, outcome: Outcome) -> Fault {
        let late = || {
            let within = self.limits.boundary;
            format!(
                "it did not come to a boundary in {within:?} while others stood still: does it wait for one of them?"
            )
        };
        let reason = if let Outcome::Failed(reason) = outcome { reason } else { late() };
        Fault { pid: moving.pid, state: moving.state, reason }
    }

    fn go_on_there(self) -> Report {
        let crossed = self.moves.iter().filter_map(|moving| Some((moving, helper::cross(moving)?)));
        let crossed: Vec<_> = crossed.collect();
        let (mut moved, mut pauses, mut before) = (Vec::new(), Vec::new(), Vec::new());
        for (moving, (stood, future)) in crossed {
            helper::resume(moving);
            moved.push(moving.pid);
            pauses.push(stood.elapsed());
            before.push(future);
        }
        self.leave(before);
        Report { moved, pauses, fault: None }
    }

    /// All go on where they were.
    fn give_up(self, reason: &str) {
        let copies = self.moves.iter().filter_map(|moving| helper::stay(moving, reason)).collect();
        self.leave(copies);
    }

    fn go_on_here(self, fault: Fault) -> Report {
        self.give_up(&fault.reason);
        Report { moved: Vec::new(), pauses: Vec::new(), fault: Some(fault) }
    }

    fn leave(self, dropped: Vec<Restored>) {
        self.moves.iter().for_each(|moving| book::leave(moving));
        helper::discard(dropped);
    }
}

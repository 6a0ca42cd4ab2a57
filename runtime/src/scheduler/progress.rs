//! Whether the schedulers make progress: timers fire, and wherever processes wait for a scheduler, it has begun another turn.
//!
//! For whoever would start a node again that does not. A process that does not give way is no reason: its scheduler goes on on another thread.

use super::role::{ROLES, Role};
use super::timer_started;
use crate::timer;
use crate::waker::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What was seen of the schedulers.
#[derive(Debug)]
pub(crate) struct Progress {
    seen: Vec<Seen>,
    has_fired: Arc<AtomicBool>,
}

/// What was seen of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    term: u64,
    turn: u64,
    /// Processes wait for it.
    is_wanted: bool,
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self { seen: look(), has_fired: start_timer() }
    }

    /// Whether all have made some since they were looked at last.
    pub(crate) fn is_made(&mut self) -> bool {
        let now = look();
        let is_made = self.has_fired.load(Ordering::Acquire) && have_moved(&self.seen, &now);
        if is_made {
            *self = Self { seen: now, has_fired: start_timer() };
        }
        is_made
    }
}

fn have_moved(before: &[Seen], now: &[Seen]) -> bool {
    before.iter().zip(now).all(|(before, now)| before != now || !now.is_wanted)
}

fn look() -> Vec<Seen> {
    let seen = |role: &Role| {
        let (term, seat) = role.held();
        Seen { term, turn: seat.map_or(0, |seat| seat.turn()), is_wanted: !role.queue.is_empty() }
    };
    ROLES.online_ones().iter().map(seen).collect()
}

fn start_timer() -> Arc<AtomicBool> {
    let has_fired = Arc::new(AtomicBool::new(false));
    let fired = Arc::clone(&has_fired);
    let (_, deadline) = timer::start(Duration::ZERO, Waker::call(move || fired.store(true, Ordering::Release)));
    timer_started(deadline);
    has_fired
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_keeps_others_waiting_makes_none() {
        let seen = |term, turn, is_wanted| Seen { term, turn, is_wanted };
        let (idle, busy) = (seen(1, 8, false), seen(1, 9, true));
        assert!(have_moved(&[idle, busy], &[idle, seen(1, 11, true)]), "one begins turns, nobody waits for the other");
        assert!(have_moved(&[busy], &[seen(2, 0, true)]), "it goes on on another thread");
        assert!(have_moved(&[seen(1, 9, false)], &[busy]), "they have not waited for long");
        assert!(have_moved(&[busy], &[seen(1, 9, false)]), "they wait no more");
        assert!(!have_moved(&[idle, busy], &[seen(1, 10, true), busy]));
    }
}

//! Schedulers without work: one waits in the kernel for I/O and the next timer, the others on their own parker. Who is woken, and that
//! nobody is forgotten, is `sleep.rs`'s; here is what it is about.

use super::role::ROLES;
use super::sleep::{self, NEVER, Polling, Sleep, Until, World};
use crate::io::POLLER;
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex};
use crate::timer;
use crate::waker::Waker;
use crossbeam_utils::sync::Parker;
use std::cell::RefCell;
use std::time::Duration;

static SLEEP: Sleep = Sleep {
    searching: AtomicUsize::new(0),
    sleepers: Mutex::new(Vec::new()),
    sleeping: AtomicUsize::new(0),
    is_polled: AtomicBool::new(false),
    poll_until: AtomicU64::new(0),
    is_stopping: AtomicBool::new(false),
};

const _: () = assert!(NEVER == timer::NEVER, "one word for both");

thread_local! {
    static PARKER: RefCell<Parker> = RefCell::new(Parker::new());
}

/// The node, as far as work may come from it.
struct Node;

impl World for Node {
    type Woken = Vec<Waker>;

    fn has_work(&self) -> bool {
        !ROLES.are_empty()
    }

    fn next_timer(&self) -> u64 {
        timer::next()
    }

    fn poll(&self, until: Until, woken: &mut Vec<Waker>) {
        let timeout = match until {
            Until::Now => Some(Duration::ZERO),
            Until::Then(NEVER) => None,
            Until::Then(until) => Some(Duration::from_nanos(until.saturating_sub(timer::now()))),
        };
        POLLER.wait(timeout, woken);
        if timer::next() != timer::NEVER {
            timer::expire(timer::now(), woken);
        }
    }

    fn notify(&self) {
        POLLER.notify();
    }
}

/// A scheduler that looks for work at the others'.
#[must_use]
#[derive(Debug)]
pub(super) struct Searcher(sleep::Searcher<'static>);

impl Searcher {
    pub(super) fn begin() -> Self {
        Self(SLEEP.search())
    }

    /// There was some; there may be more.
    pub(super) fn found(self) {
        self.0.found(&Node);
    }
}

/// There is new work: somebody should be awake to take it.
pub(super) fn notify() {
    SLEEP.notify(&Node);
}

/// A timer was started: the poller must not sleep beyond it.
pub(crate) fn timer_started(deadline: u64) {
    SLEEP.timer_started(&Node, deadline);
}

/// The right to wait for I/O, if nobody has it.
pub(super) fn try_poll() -> Option<Polling<'static>> {
    SLEEP.try_poll()
}

/// Sleeps until there may be work. Wakers of what has come are added to `woken`.
pub(super) fn park(woken: &mut Vec<Waker>) {
    PARKER.with_borrow(|parker| SLEEP.sleep(&Node, woken, parker.unparker(), || parker.park()));
}

/// True when a scheduler sleeps that could be woken for new work.
pub(super) fn has_sleepers() -> bool {
    SLEEP.has_sleepers()
}

/// True when nobody waits for I/O.
pub(super) fn poller_is_missing() -> bool {
    SLEEP.poller_is_missing()
}

/// The node stops: schedulers return as soon as their poll does.
pub(crate) fn stop() {
    SLEEP.stop(&Node);
    ROLES.wake_offline();
}

/// Every scheduler looks around, and the one that waits for I/O.
pub(super) fn wake_all() {
    SLEEP.wake_all(&Node);
}

pub(super) fn is_stopping() -> bool {
    SLEEP.is_stopping()
}

//! Schedulers without work: one waits in the kernel for I/O and the next timer, the others on their own parker.
//!
//! ```text
//! busy ── no work ─► searching ── found ─► busy           (the last searcher to find work wakes another)
//!                        └── nothing ─► sleeping: listed ─► look again ─► polling (has the poll lock) │ parked
//!                                                              └ work! ─► busy
//! ```
//!
//! No wake-up is lost: whoever enqueues makes the work visible, then (sequentially consistent fence) looks for sleepers;
//! whoever goes to sleep lists itself, then (fence) looks for work again. One of the two sees the other.
//! Few wake-ups are made: none while somebody searches, who will find the work.

use super::role::ROLES;
use crate::io::POLLER;
use crate::timer;
use crate::waker::Waker;
use crossbeam_utils::sync::{Parker, Unparker};
use parking_lot::{Mutex, MutexGuard};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::thread::ThreadId;
use std::time::Duration;

static SEARCHING: AtomicUsize = AtomicUsize::new(0);
static SLEEPERS: Mutex<Vec<Sleeper>> = Mutex::new(Vec::new());
/// Length of `SLEEPERS`.
static SLEEPING: AtomicUsize = AtomicUsize::new(0);
/// Held by whoever waits for I/O.
static POLL: Mutex<()> = Mutex::new(());
/// Until when the poller sleeps; 0: it does not.
static POLL_UNTIL: AtomicU64 = AtomicU64::new(0);
static STOPPING: AtomicBool = AtomicBool::new(false);

#[derive(Debug)]
struct Sleeper {
    thread: ThreadId,
    /// `None`: it waits in the poller.
    unparker: Option<Unparker>,
}

thread_local! {
    static PARKER: RefCell<Parker> = RefCell::new(Parker::new());
}

/// A scheduler that looks for work at the others'.
#[derive(Debug)]
pub(super) struct Searcher(());

impl Searcher {
    pub(super) fn begin() -> Self {
        SEARCHING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// There was some; there may be more.
    pub(super) fn found(self) {
        drop(self);
        notify();
    }
}

impl Drop for Searcher {
    fn drop(&mut self) {
        SEARCHING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// There is new work: somebody should be awake to take it.
pub(super) fn notify() {
    fence(Ordering::SeqCst);
    if SLEEPING.load(Ordering::Relaxed) == 0 || SEARCHING.load(Ordering::Relaxed) > 0 {
        return;
    }
    wake_one();
}

fn wake_one() {
    let mut sleepers = SLEEPERS.lock();
    // One that is parked rather than the poller: I/O goes on being watched.
    let chosen = sleepers.iter().position(|sleeper| sleeper.unparker.is_some()).unwrap_or(0);
    if sleepers.is_empty() {
        return;
    }
    let sleeper = sleepers.swap_remove(chosen);
    SLEEPING.store(sleepers.len(), Ordering::SeqCst);
    drop(sleepers);
    match sleeper.unparker {
        Some(unparker) => unparker.unpark(),
        None => POLLER.notify(),
    }
}

/// A timer was started: the poller must not sleep beyond it.
pub(crate) fn timer_started(deadline: u64) {
    fence(Ordering::SeqCst);
    if deadline < POLL_UNTIL.load(Ordering::SeqCst) {
        POLLER.notify();
    }
}

/// The right to wait for I/O, if nobody has it.
pub(super) fn try_poll() -> Option<MutexGuard<'static, ()>> {
    POLL.try_lock()
}

/// Sleeps until there may be work. Wakers of what has come are added to `woken`.
pub(super) fn park(woken: &mut Vec<Waker>) {
    match try_poll() {
        Some(poll) => {
            poll_until_woken(woken);
            drop(poll);
        }
        None => wait_parked(),
    }
}

fn poll_until_woken(woken: &mut Vec<Waker>) {
    list(None);
    let mut until = timer::next();
    POLL_UNTIL.store(until, Ordering::SeqCst);
    fence(Ordering::SeqCst);
    // One that was started before `POLL_UNTIL` could be seen.
    until = until.min(timer::next());
    let timeout = if !ROLES.are_empty() || is_stopping() {
        Some(Duration::ZERO)
    } else if until == timer::NEVER {
        None
    } else {
        Some(Duration::from_nanos(until.saturating_sub(timer::now())))
    };
    POLLER.wait(timeout, woken);
    POLL_UNTIL.store(0, Ordering::SeqCst);
    unlist();
    if timer::next() != timer::NEVER {
        timer::expire(timer::now(), woken);
    }
}

fn wait_parked() {
    PARKER.with_borrow(|parker| {
        list(Some(parker.unparker().clone()));
        fence(Ordering::SeqCst);
        if ROLES.are_empty() && !is_stopping() && !poller_is_missing() {
            parker.park();
        }
        unlist();
    });
}

/// True when a scheduler sleeps that could be woken for new work.
pub(super) fn has_sleepers() -> bool {
    SLEEPING.load(Ordering::Relaxed) > 0
}

/// True when nobody waits for I/O.
pub(super) fn poller_is_missing() -> bool {
    !POLL.is_locked()
}

fn list(unparker: Option<Unparker>) {
    let mut sleepers = SLEEPERS.lock();
    sleepers.push(Sleeper { thread: std::thread::current().id(), unparker });
    SLEEPING.store(sleepers.len(), Ordering::SeqCst);
}

fn unlist() {
    let thread = std::thread::current().id();
    let mut sleepers = SLEEPERS.lock();
    sleepers.retain(|sleeper| sleeper.thread != thread);
    SLEEPING.store(sleepers.len(), Ordering::SeqCst);
}

/// The node stops: schedulers return as soon as their poll does.
pub(crate) fn stop() {
    STOPPING.store(true, Ordering::SeqCst);
    wake_all();
    ROLES.wake_offline();
}

/// Every scheduler looks around, and the one that waits for I/O.
pub(super) fn wake_all() {
    while SLEEPING.load(Ordering::SeqCst) > 0 {
        wake_one();
    }
    POLLER.notify();
}

pub(super) fn is_stopping() -> bool {
    STOPPING.load(Ordering::Relaxed)
}

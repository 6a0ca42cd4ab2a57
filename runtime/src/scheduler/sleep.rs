//! Who sleeps, and who is woken: the protocol between schedulers without work and those who bring some. `idle.rs` has the one of
//! the node, with its queues, its timers and its poller.
//!
//! ```text
//! busy ── no work ─► searching ── found ─► busy           (the last searcher to find work wakes another)
//!                        └── nothing ─► sleeping: listed ─► look again ─► polling (has the poll lock) │ parked
//!                                                              └ work! ─► busy
//! ```
//!
//! Invariants, which `tests/loom` checks. No wake-up is lost: whoever enqueues makes the work visible, then (sequentially consistent
//! fence) looks for sleepers; whoever goes to sleep lists itself, then (fence) looks for work again. One of the two sees the other. The
//! same holds for a timer and whoever polls: it says until when it sleeps, then looks at timers again.
//! Few wake-ups are made: none while somebody searches, who will find the work.

use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, Unparker, fence, thread};

/// There is no timer.
pub(super) const NEVER: u64 = u64::MAX;

/// What the protocol is about: where work comes from.
pub(super) trait World {
    /// Collects whom a poll wakes.
    type Woken;
    /// Whether work waits in any queue.
    fn has_work(&self) -> bool;
    /// When the next timer is due.
    fn next_timer(&self) -> u64;
    /// Waits for I/O until then, or until `notify`.
    fn poll(&self, until: Until, woken: &mut Self::Woken);
    /// Ends the wait of whoever polls, or the next one.
    fn notify(&self);
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Not at all.
    Now,
    /// Until that time; [`NEVER`]: until something comes.
    Then(u64),
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Sleep {
    pub(super) searching: AtomicUsize,
    pub(super) sleepers: Mutex<Vec<Sleeper>>,
    /// Length of `sleepers`.
    pub(super) sleeping: AtomicUsize,
    /// True while somebody waits for I/O, or looks at it.
    pub(super) is_polled: AtomicBool,
    /// Until when the poller sleeps; 0: it does not.
    pub(super) poll_until: AtomicU64,
    pub(super) is_stopping: AtomicBool,
}

/// One that sleeps.
#[derive(Debug)]
pub(super) struct Sleeper {
    thread: thread::ThreadId,
    /// `None`: it waits in the poller.
    unparker: Option<Unparker>,
}

/// A scheduler that looks for work at the others'.
#[must_use]
#[derive(Debug)]
pub(super) struct Searcher<'a>(&'a Sleep);

impl Searcher<'_> {
    /// There was some; there may be more.
    pub(super) fn found(self, world: &impl World) {
        let sleep = self.0;
        drop(self);
        sleep.notify(world);
    }
}

impl Drop for Searcher<'_> {
    fn drop(&mut self) {
        self.0.searching.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The right to wait for I/O.
#[must_use]
#[derive(Debug)]
pub(super) struct Polling<'a>(&'a Sleep);

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.0.is_polled.store(false, Ordering::Release);
    }
}

impl Sleep {
    pub(super) fn search(&self) -> Searcher<'_> {
        self.searching.fetch_add(1, Ordering::SeqCst);
        Searcher(self)
    }

    /// There is new work: somebody should be awake to take it.
    pub(super) fn notify(&self, world: &impl World) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) == 0 || self.searching.load(Ordering::Relaxed) > 0 {
            return;
        }
        self.wake_one(world);
    }

    fn wake_one(&self, world: &impl World) {
        let mut sleepers = self.sleepers.lock();
        // One that is parked rather than the poller: I/O goes on being watched.
        let chosen = sleepers.iter().position(|sleeper| sleeper.unparker.is_some()).unwrap_or(0);
        if sleepers.is_empty() {
            return;
        }
        let sleeper = sleepers.swap_remove(chosen);
        self.sleeping.store(sleepers.len(), Ordering::SeqCst);
        drop(sleepers);
        match sleeper.unparker {
            Some(unparker) => unparker.unpark(),
            None => world.notify(),
        }
    }

    /// Every sleeper looks around, and whoever polls.
    pub(super) fn wake_all(&self, world: &impl World) {
        fence(Ordering::SeqCst);
        while self.sleeping.load(Ordering::SeqCst) > 0 {
            self.wake_one(world);
        }
        world.notify();
    }

    /// Schedulers are to end.
    pub(super) fn stop(&self, world: &impl World) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.wake_all(world);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// A timer was started: the poller must not sleep beyond it.
    pub(super) fn timer_started(&self, world: &impl World, deadline: u64) {
        fence(Ordering::SeqCst);
        if deadline < self.poll_until.load(Ordering::SeqCst) {
            world.notify();
        }
    }

    /// The right to wait for I/O, if nobody has it.
    pub(super) fn try_poll(&self) -> Option<Polling<'_>> {
        let is_free = !self.is_polled.load(Ordering::Relaxed) && !self.is_polled.swap(true, Ordering::Acquire);
        is_free.then(|| Polling(self))
    }

    /// True when nobody waits for I/O.
    pub(super) fn poller_is_missing(&self) -> bool {
        !self.is_polled.load(Ordering::Relaxed)
    }

    /// True when a scheduler sleeps that could be woken for new work.
    pub(super) fn has_sleepers(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed) > 0
    }

    /// Sleeps until there may be work: in the poller, if nobody else is there, or by `park`, which waits for its unparker.
    pub(super) fn sleep<W: World>(&self, world: &W, woken: &mut W::Woken, unparker: &Unparker, park: impl FnOnce()) {
        match self.try_poll() {
            Some(_polling) => self.poll(world, woken),
            None => {
                self.list(Some(unparker.clone()));
                fence(Ordering::SeqCst);
                let is_busy = world.has_work();
                if !is_busy && !self.is_stopping() && !self.poller_is_missing() {
                    park();
                }
                self.rise(world, is_busy);
            }
        }
    }

    fn poll<W: World>(&self, world: &W, woken: &mut W::Woken) {
        self.list(None);
        let until = world.next_timer();
        self.poll_until.store(until, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // One that was started before `poll_until` could be seen.
        let until = until.min(world.next_timer());
        let is_busy = world.has_work();
        world.poll(if is_busy || self.is_stopping() { Until::Now } else { Until::Then(until) }, woken);
        self.poll_until.store(0, Ordering::SeqCst);
        self.rise(world, is_busy);
    }

    /// The sleep is over. There was work when it began: there may be more than one can do, and whoever brought it has left it to this one,
    /// who was still searching then.
    fn rise(&self, world: &impl World, is_busy: bool) {
        self.unlist();
        if is_busy {
            self.notify(world);
        }
    }

    fn list(&self, unparker: Option<Unparker>) {
        let mut sleepers = self.sleepers.lock();
        sleepers.push(Sleeper { thread: thread::current().id(), unparker });
        self.sleeping.store(sleepers.len(), Ordering::SeqCst);
    }

    fn unlist(&self) {
        let thread = thread::current().id();
        let mut sleepers = self.sleepers.lock();
        sleepers.retain(|sleeper| sleeper.thread != thread);
        self.sleeping.store(sleepers.len(), Ordering::SeqCst);
    }
}

//! A model of stopping a thread: `Phase`, with a signal that is pending or not, and a futex that is a lock and a condition.

use crate::explore;
use crate::phase::Phase;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct Thread {
    phase: Phase,
    signal: AtomicBool,
    futex: (Mutex<()>, Condvar),
}

impl Thread {
    fn new() -> Arc<Self> {
        Arc::new(Self { phase: Phase::new(), signal: AtomicBool::new(false), futex: (Mutex::new(()), Condvar::new()) })
    }

    fn wake(&self) {
        let _guard = self.futex.0.lock().expect("no panic");
        self.futex.1.notify_all();
    }

    /// Until the word is another, or somebody wakes.
    fn wait(&self, value: u32) {
        let guard = self.futex.0.lock().expect("no panic");
        if self.phase.word().load(Ordering::SeqCst) == value {
            drop(self.futex.1.wait(guard));
        }
    }

    /// The handler of `scheduler::signal`. True: the thread never runs again, and would wait for ever here.
    fn handle(&self, may_stop: bool) -> bool {
        if !self.phase.is_asked() || !self.phase.answer(may_stop) {
            return false;
        }
        self.wake();
        while let Some(value) = self.phase.halted() {
            if self.phase.is_frozen() {
                return true;
            }
            self.wait(value);
        }
        false
    }

    /// One instruction between which a signal may come. True as above.
    fn step(&self, may_stop: bool) -> bool {
        self.signal.swap(false, Ordering::SeqCst) && self.handle(may_stop)
    }

    /// An attempt of `scheduler::freeze`, with no patience. True: frozen.
    fn attempt(&self, is_to_freeze: bool) -> bool {
        if !self.phase.ask() {
            return false;
        }
        self.signal.store(true, Ordering::SeqCst);
        if self.phase.withdraw() {
            return false;
        }
        if self.phase.is_stopped() && is_to_freeze {
            self.phase.freeze();
            self.wake();
            return true;
        }
        self.phase.release();
        self.wake();
        false
    }
}

/// However attempts and the thread's steps fall together: unless it was frozen, it goes on to its end, and is not left waiting
/// (loom finds a thread that waits for ever).
#[test]
fn a_thread_that_is_not_frozen_goes_on() {
    for last_freezes in [false, true] {
        explore(move || {
            let target = Thread::new();
            let running = {
                let target = Arc::clone(&target);
                thread::spawn(move || (0..3).any(|_| target.step(true)))
            };
            target.attempt(false);
            let was_frozen = target.attempt(last_freezes);
            assert_eq!(running.join().expect("the thread"), was_frozen, "frozen as the verdict says");
        });
    }
}

/// Two who want it stopped: one of them freezes it at the most, and the other does not let it go again.
#[test]
fn two_do_not_stop_one_thread() {
    explore(|| {
        let target = Thread::new();
        let running = {
            let target = Arc::clone(&target);
            thread::spawn(move || (0..2).any(|_| target.step(true)))
        };
        let other = {
            let target = Arc::clone(&target);
            thread::spawn(move || target.attempt(true))
        };
        let ours = target.attempt(true);
        let theirs = other.join().expect("the other");
        assert!(!(ours && theirs), "frozen once");
        assert_eq!(running.join().expect("the thread"), ours || theirs);
        assert_eq!(target.phase.is_frozen(), ours || theirs);
    });
}

/// A thread where it must not be stopped says so and goes on.
#[test]
fn a_busy_thread_is_not_stopped() {
    explore(|| {
        let target = Thread::new();
        let running = {
            let target = Arc::clone(&target);
            thread::spawn(move || (0..2).any(|_| target.step(false)))
        };
        assert!(!target.attempt(true) && !target.attempt(true));
        assert!(!running.join().expect("the thread"));
    });
}

//! A model of stopping and pausing a thread: `Phase`, with signals that are pending, and a futex that is a lock and a condition.

use crate::explore;
use crate::phase::{Ask, Phase, Question};
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

struct Thread {
    phase: Phase,
    /// How many are pending: the kernel queues them.
    signals: AtomicU32,
    futex: (Mutex<()>, Condvar),
}

impl Thread {
    fn new() -> Arc<Self> {
        Arc::new(Self { phase: Phase::new(), signals: AtomicU32::new(0), futex: (Mutex::new(()), Condvar::new()) })
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

    fn signal(&self) {
        self.signals.fetch_add(1, Ordering::SeqCst);
    }

    /// The handler of `scheduler::signal`. True: the thread never runs again, and would wait for ever here.
    fn handle(&self, may_stop: bool) -> bool {
        match self.phase.question() {
            Some(Question::Pause) => assert!(!self.phase.settle(may_stop) || may_stop, "paused where it may not"),
            Some(Question::Stop) if self.phase.answer(may_stop) => self.wake(),
            Some(Question::Stop) | None => return false,
        }
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
        let is_pending = self.signals.load(Ordering::SeqCst) > 0;
        is_pending && {
            self.signals.fetch_sub(1, Ordering::SeqCst);
            self.handle(may_stop)
        }
    }

    /// An attempt of `scheduler::freeze`, with no patience. True: frozen.
    fn attempt(&self, is_to_freeze: bool) -> bool {
        match self.phase.ask() {
            Ask::Refused => return false,
            Ask::Stopped => {}
            Ask::Asked => {
                self.signal();
                if self.phase.withdraw() {
                    return false;
                }
            }
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

    /// Of `scheduler::rotation`: its slice is over.
    fn pause(&self) {
        if self.phase.ask_pause() {
            self.signal();
        }
    }

    /// Its turn comes.
    fn resume(&self) {
        if self.phase.resume() {
            self.wake();
        }
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

/// However often it is paused and resumed: it goes on to its end, and is not left waiting, if it was resumed last.
#[test]
fn a_thread_that_is_resumed_goes_on() {
    for may_stop in [false, true] {
        explore(move || {
            let target = Thread::new();
            let running = {
                let target = Arc::clone(&target);
                thread::spawn(move || (0..3).any(|_| target.step(may_stop)))
            };
            for _ in 0..2 {
                target.pause();
                target.resume();
            }
            assert!(!running.join().expect("the thread"), "nobody freezes it");
            assert!(!target.phase.is_paused() && target.phase.question().is_none(), "nothing is left of it");
        });
    }
}

/// A kill beside the rotation: a frozen thread never runs again, whatever is resumed; one that is not frozen goes on.
#[test]
fn one_that_is_rotated_is_frozen_or_goes_on() {
    for freezes in [false, true] {
        explore(move || {
            let target = Thread::new();
            let running = {
                let target = Arc::clone(&target);
                thread::spawn(move || (0..2).any(|_| target.step(true)))
            };
            let rotation = {
                let target = Arc::clone(&target);
                thread::spawn(move || {
                    target.pause();
                    target.resume();
                })
            };
            let was_frozen = target.attempt(freezes);
            rotation.join().expect("the rotation");
            assert_eq!(running.join().expect("the thread"), was_frozen, "frozen as the verdict says");
            assert_eq!(target.phase.is_frozen(), was_frozen);
        });
    }
}

/// A thread that is paused, as no other thread acts: its freezer finds it stopped, with no signal and no answer.
#[test]
fn a_paused_thread_is_frozen_where_it_is() {
    explore(|| {
        let target = Thread::new();
        target.pause();
        let running = {
            let target = Arc::clone(&target);
            thread::spawn(move || target.step(true))
        };
        while !target.phase.is_paused() {
            thread::yield_now();
        }
        assert!(target.attempt(true));
        assert_eq!(target.signals.load(Ordering::SeqCst), 0, "none was sent");
        assert!(running.join().expect("the thread"));
    });
}

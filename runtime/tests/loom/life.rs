//! Models of a process's life: its state word.

use crate::explore;
use crate::state::{Leave, Run, State, Wake};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;

/// A process with something that only its runner may touch.
struct Process {
    state: State,
    future: UnsafeCell<u32>,
    queued: AtomicU32,
    freed: AtomicU32,
}

// SAFETY: that `future` is touched by one thread at a time is what the models check: loom does.
unsafe impl Sync for Process {}
// SAFETY: as above.
unsafe impl Send for Process {}

impl Process {
    /// Scheduled, and in the run queue.
    fn begun() -> Arc<Self> {
        let process = Self {
            state: State::unused(),
            future: UnsafeCell::new(0),
            queued: AtomicU32::new(1),
            freed: AtomicU32::new(0),
        };
        process.state.begin();
        Arc::new(process)
    }

    fn enqueue(&self, wake: &Wake) {
        if *wake == Wake::Enqueue {
            self.put();
        }
    }

    fn put(&self) {
        assert_eq!(self.queued.fetch_add(1, Ordering::SeqCst), 0, "a process is in one run queue, once");
    }

    /// A scheduler takes it out of the queue, if it is there.
    fn take(&self) -> bool {
        self.queued.compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// One turn. True: it has ended.
    fn turn(&self) -> bool {
        if !self.take() {
            return false;
        }
        let killed = self.state.run() == Run::Kill;
        // SAFETY: what the model checks.
        self.future.with_mut(|future| unsafe { *future += 1 });
        if !killed {
            match self.state.leave() {
                Leave::Idle => return false,
                Leave::Enqueue => {
                    self.put();
                    return false;
                }
                Leave::Kill => {}
            }
        }
        self.state.end();
        self.release();
        true
    }

    fn release(&self) {
        if self.state.release() {
            assert_eq!(self.freed.fetch_add(1, Ordering::SeqCst), 0, "a slot is freed once");
        }
    }
}

/// Two schedulers, one that wakes and one that kills: one runner at a time, one entry at a time, ended once, freed once.
#[test]
fn one_runs_it_and_one_ends_it() {
    explore(|| {
        let process = Process::begun();
        let other = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                let wake = process.state.wake();
                process.enqueue(&wake);
                process.turn()
            })
        };
        let killer = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                let wake = process.state.kill();
                process.enqueue(&wake);
            })
        };
        let mut ended = u32::from(process.turn());
        ended += u32::from(other.join().expect("a scheduler"));
        killer.join().expect("the killer");
        while process.queued.load(Ordering::SeqCst) > 0 {
            ended += u32::from(process.turn());
        }
        assert_eq!((ended, process.freed.load(Ordering::SeqCst)), (1, 1), "a kill ends it, once");
    });
}

/// A pid leads to its process or to nobody: never to the next one in the slot, however the last reference goes.
#[test]
fn a_pid_never_leads_to_another_process() {
    explore(|| {
        let process = Process::begun();
        let generation = process.state.generation();
        let finder = {
            let process = Arc::clone(&process);
            thread::spawn(move || {
                if process.state.try_acquire(generation) {
                    assert_eq!(
                        process.state.generation(),
                        generation,
                        "the slot stays its own while it is referred to"
                    );
                    process.release();
                }
            })
        };
        let wake = process.state.kill();
        process.enqueue(&wake);
        assert!(process.turn());
        if process.freed.load(Ordering::SeqCst) == 1 {
            // The slot is this thread's: a new life begins in it.
            process.freed.store(0, Ordering::SeqCst);
            process.state.begin();
            assert!(!process.state.try_acquire(generation));
        }
        finder.join().expect("the finder");
    });
}

/// A process that was suspended goes on, while one wakes it and another kills it: it is in the run queue once, whoever moved it and its next
/// runner are not at it at the same time, and it ends once.
///
/// Seen to fail with a `resume` that takes `RUNNING` off before it puts `SCHEDULED` on.
#[test]
fn one_that_is_resumed_is_queued_once() {
    for is_killed in [false, true] {
        explore(move || {
            let process = Process::begun();
            assert!(process.take());
            assert_eq!(process.state.run(), Run::Poll);
            let waker = {
                let process = Arc::clone(&process);
                thread::spawn(move || {
                    let wake = process.state.wake();
                    process.enqueue(&wake);
                    process.turn()
                })
            };
            let killer = {
                let process = Arc::clone(&process);
                thread::spawn(move || {
                    if is_killed {
                        let wake = process.state.kill();
                        process.enqueue(&wake);
                    }
                })
            };
            // SAFETY: what the model checks: it is moved.
            process.future.with_mut(|future| unsafe { *future += 1 });
            process.state.resume();
            process.put();
            let mut ended = u32::from(process.turn());
            ended += u32::from(waker.join().expect("the waker"));
            killer.join().expect("the killer");
            while process.queued.load(Ordering::SeqCst) > 0 {
                ended += u32::from(process.turn());
            }
            assert_eq!(ended, u32::from(is_killed), "a kill ends it, once");
            // SAFETY: nobody else is left.
            assert!(process.future.with(|future| unsafe { *future }) > 1, "it has run since");
        });
    }
}

/// Whoever wakes it while it runs is not forgotten.
#[test]
fn a_wake_during_a_turn_leads_to_another() {
    explore(|| {
        let process = Process::begun();
        let flag = Arc::new(AtomicU32::new(0));
        let waker = {
            let (process, flag) = (Arc::clone(&process), Arc::clone(&flag));
            thread::spawn(move || {
                flag.store(1, Ordering::Release);
                let wake = process.state.wake();
                process.enqueue(&wake);
            })
        };
        let mut seen = 0;
        let mut turn = || {
            if process.take() {
                assert_eq!(process.state.run(), Run::Poll);
                seen = flag.load(Ordering::Acquire);
                if process.state.leave() == Leave::Enqueue {
                    process.put();
                }
            }
        };
        turn();
        waker.join().expect("the waker");
        while process.queued.load(Ordering::SeqCst) > 0 {
            turn();
        }
        assert_eq!(seen, 1, "it ran after the wake");
    });
}

//! Models of schedulers that go to sleep while others bring work: `Sleep`, with a queue, a timer and a poller of the model's own.
//!
//! Seen to fail, each with one of these changes to `sleep.rs`: without the fence of `notify`, of `poll` or of `timer_started` · without the
//! second look for work, in the poller or on the parker · without the second look at timers · without the look at `is_stopping` ·
//! `found` that wakes nobody · `rise` that wakes nobody, as it once was.

use crate::event::Event;
use crate::sleep::{NEVER, Sleep, Until, World};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering};
use crate::{explore, explore_within};
use loom::sync::Arc;
use loom::thread;

/// A node with pieces of work that take until the last of them is taken: each needs a scheduler of its own.
struct Node {
    sleep: Sleep,
    queue: AtomicUsize,
    timer: AtomicU64,
    poller: Event,
    left: AtomicUsize,
    all_taken: Vec<Event>,
}

impl World for Node {
    type Woken = ();

    fn has_work(&self) -> bool {
        self.queue.load(Ordering::Acquire) > 0
    }

    fn next_timer(&self) -> u64 {
        self.timer.load(Ordering::Acquire)
    }

    fn poll(&self, until: Until, (): &mut ()) {
        match until {
            Until::Then(NEVER) => self.poller.wait(),
            // Times come by themselves.
            Until::Then(_) | Until::Now => self.poller.look(),
        }
    }

    fn notify(&self) {
        self.poller.notify();
    }
}

impl Node {
    fn new(pieces: usize) -> Arc<Self> {
        let sleep = Sleep {
            searching: AtomicUsize::new(0),
            sleepers: Mutex::new(Vec::new()),
            sleeping: AtomicUsize::new(0),
            is_polled: AtomicBool::new(false),
            poll_until: AtomicU64::new(0),
            is_stopping: AtomicBool::new(false),
        };
        Arc::new(Self {
            sleep,
            queue: AtomicUsize::new(0),
            timer: AtomicU64::new(NEVER),
            poller: Event::new(),
            left: AtomicUsize::new(pieces),
            all_taken: (0..pieces).map(|_| Event::new()).collect(),
        })
    }

    fn push(&self) {
        self.queue.fetch_add(1, Ordering::Release);
        self.sleep.notify(self);
    }

    fn take(&self) -> bool {
        let taken = self.queue.fetch_update(Ordering::AcqRel, Ordering::Acquire, |len| len.checked_sub(1));
        taken.is_ok()
    }

    /// A turn that lasts until all pieces have theirs.
    fn run(&self) {
        let place = self.left.fetch_sub(1, Ordering::AcqRel) - 1;
        if place == 0 {
            self.all_taken.iter().for_each(Event::notify);
        }
        self.all_taken[place].wait();
    }

    /// As `Worker::run`, until it has had a turn or the timer has come.
    fn schedule(&self) {
        let parker = Event::new();
        loop {
            if self.take() {
                return self.run();
            }
            let searcher = self.sleep.search();
            if self.take() {
                searcher.found(self);
                return self.run();
            }
            drop(searcher);
            self.sleep.sleep(self, &mut (), &parker, || parker.wait());
            if self.next_timer() != NEVER || self.sleep.is_stopping() {
                return;
            }
        }
    }
}

fn start(node: &Arc<Node>, schedulers: usize) -> Vec<thread::JoinHandle<()>> {
    let start = |_| {
        let node = Arc::clone(node);
        thread::spawn(move || node.schedule())
    };
    (0..schedulers).map(start).collect()
}

fn join(schedulers: Vec<thread::JoinHandle<()>>) {
    schedulers.into_iter().for_each(|scheduler| scheduler.join().expect("a scheduler"));
}

/// One scheduler, and one who brings work.
#[test]
fn work_that_comes_while_one_falls_asleep_is_run() {
    explore(|| {
        let node = Node::new(1);
        let schedulers = start(&node, 1);
        node.push();
        join(schedulers);
    });
}

/// Two schedulers, and as many pieces of work: while one of them waits, nobody sleeps.
#[test]
fn no_scheduler_sleeps_while_work_waits() {
    explore_within(2, || {
        let node = Node::new(2);
        let schedulers = start(&node, 2);
        node.push();
        node.push();
        join(schedulers);
    });
}

/// Whoever polls does not sleep beyond a timer.
#[test]
fn a_timer_that_starts_while_one_falls_asleep_is_seen() {
    explore(|| {
        let node = Node::new(0);
        let schedulers = start(&node, 1);
        node.timer.store(5, Ordering::Release);
        node.sleep.timer_started(&*node, 5);
        join(schedulers);
    });
}

/// A node that stops leaves no scheduler asleep.
#[test]
fn all_wake_to_stop() {
    explore(|| {
        let node = Node::new(0);
        let schedulers = start(&node, 2);
        node.sleep.stop(&*node);
        join(schedulers);
    });
}

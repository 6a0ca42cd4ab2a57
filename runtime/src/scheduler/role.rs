//! A scheduler's role: its run queue, and which thread holds it.
//!
//! A thread holds the role for a *term*. When one of its turns runs too long, the monitor has another thread take the role over,
//! which begins the next term; the first thread stays with its process, and ends after that turn.
//!
//! ```text
//! held (term n) ── turn longer than a slice, and it matters ─► taken over (term n + 1) by a new thread
//!        └ the thread of term n: finishes its turn, enqueues nothing into the role's queue, ends
//! ```
//!
//! Two threads may believe for a moment that they hold the role: nothing depends on there being one, since run queues may be taken
//! from and put into by any thread. What a thread does for a role that it has lost, it does as any other thread would.

use super::queue::Queue;
use super::thread;
use crate::process::{Priority, Process};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) number: usize,
    pub(super) queue: Queue,
    term: AtomicU64,
    /// Counts beginnings and ends of turns: odd while a process runs. Written by the holder.
    turn: AtomicU64,
    /// The holder's kernel thread id.
    thread: AtomicI32,
    /// Set by the monitor, once a tick: it is time for a look at timers and I/O.
    look_is_due: AtomicBool,
}

impl Role {
    fn new(number: usize) -> Self {
        Self {
            number,
            queue: Queue::new(),
            term: AtomicU64::new(0),
            turn: AtomicU64::new(0),
            thread: AtomicI32::new(0),
            look_is_due: AtomicBool::new(false),
        }
    }

    /// This thread begins a term, unless the turn is over that it was made for. Returns the term, and the thread that held the
    /// role before.
    pub(super) fn take_over(&self, turn: u64) -> Option<(u64, i32)> {
        // The even number to which the holder, too, would set it: so one turn is taken over once.
        self.turn.compare_exchange(turn, (turn | 1) + 1, Ordering::SeqCst, Ordering::SeqCst).ok()?;
        let term = self.term.fetch_add(1, Ordering::SeqCst) + 1;
        Some((term, self.thread.swap(thread::own_id(), Ordering::SeqCst)))
    }

    /// True while that term lasts.
    pub(super) fn is_held(&self, term: u64) -> bool {
        self.term.load(Ordering::SeqCst) == term
    }

    /// A process begins or ends to run. `turn` is the holder's own count.
    pub(super) fn set_turn(&self, turn: u64) {
        self.turn.store(turn, Ordering::Relaxed);
    }

    /// The kernel's id of the thread that holds it.
    pub(super) fn thread(&self) -> i32 {
        self.thread.load(Ordering::Relaxed)
    }

    /// It is time for a look at timers and I/O.
    pub(super) fn ask_for_look(&self) {
        self.look_is_due.store(true, Ordering::Relaxed);
    }

    /// Whether it is; asked once.
    pub(super) fn is_look_due(&self) -> bool {
        self.look_is_due.load(Ordering::Relaxed) && self.look_is_due.swap(false, Ordering::Relaxed)
    }

    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }
}

/// All roles, and the common queue. The first `online` roles are held by threads that work; the others' threads wait.
#[derive(Debug)]
pub(super) struct Roles {
    own: OnceLock<Box<[Role]>>,
    online: CachePadded<AtomicUsize>,
    /// Guards changes of `online`.
    change: Mutex<()>,
    changed: Condvar,
    common: SegQueue<&'static Process>,
    /// Length of `common`, so that an empty one costs a load.
    common_len: CachePadded<AtomicUsize>,
}

pub(super) static ROLES: Roles = Roles {
    own: OnceLock::new(),
    online: CachePadded::new(AtomicUsize::new(0)),
    change: Mutex::new(()),
    changed: Condvar::new(),
    common: SegQueue::new(),
    common_len: CachePadded::new(AtomicUsize::new(0)),
};

impl Roles {
    /// Makes the roles, once.
    pub(super) fn make(&'static self, count: usize) -> &'static [Role] {
        self.own.get_or_init(|| (0..count).map(Role::new).collect())
    }

    /// The role that a thread holds.
    pub(super) fn held_by(&self, thread: i32) -> Option<&'static Role>
    where
        Self: 'static,
    {
        let own: &'static [Role] = ROLES.own.get()?;
        own.iter().find(|role| role.thread() == thread)
    }

    pub(super) fn count(&self) -> usize {
        self.own.get().map_or(0, |own| own.len())
    }

    pub(super) fn online(&self) -> usize {
        self.online.load(Ordering::Relaxed)
    }

    /// Sets how many roles are online. False: there are not so many, or none would be left.
    pub(super) fn set_online(&self, count: usize) -> bool {
        let is_possible = (1..=self.count()).contains(&count);
        if is_possible {
            let _change = self.change.lock();
            self.online.store(count, Ordering::SeqCst);
            self.changed.notify_all();
        }
        is_possible
    }

    /// Waits until that role is online, or `is_over`, which is looked at after each change.
    pub(super) fn wait_online(&self, number: usize, is_over: fn() -> bool) {
        let mut change = self.change.lock();
        while number >= self.online() && !is_over() {
            self.changed.wait(&mut change);
        }
    }

    /// Those who wait to be online look again whether it is over.
    pub(super) fn wake_offline(&self) {
        let _change = self.change.lock();
        self.changed.notify_all();
    }

    /// For a thread that has no role. A queue of another priority than normal has no common one: the first role's will do.
    pub(super) fn push(&self, process: &'static Process) {
        match self.own.get() {
            Some(own) if process.priority() != Priority::Normal => own[0].queue.push(process),
            _ => self.push_common(process),
        }
    }

    pub(super) fn push_common(&self, process: &'static Process) {
        self.common.push(process);
        self.common_len.fetch_add(1, Ordering::Release);
    }

    pub(super) fn take_common(&self) -> Option<&'static Process> {
        if self.common_len.load(Ordering::Acquire) == 0 {
            return None;
        }
        let process = self.common.pop()?;
        self.common_len.fetch_sub(1, Ordering::Relaxed);
        Some(process)
    }

    /// A process of another scheduler's queue; half of what else is there goes into the thief's own.
    pub(super) fn steal(&self, thief: usize) -> Option<&'static Process> {
        let own = self.own.get()?;
        let others = (1..own.len()).map(|step| &own[(thief + step) % own.len()].queue);
        let of = |priority| others.clone().find_map(|victim: &Queue| victim.pop(priority));
        // A `next` slot late: it is about to be run where it is, with its message in the cache.
        of(Priority::High)
            .or_else(|| self.take_common())
            .or_else(|| others.clone().find_map(|victim| victim.pop_half(&own[thief].queue)))
            .or_else(|| others.clone().find_map(Queue::take_next))
            .or_else(|| of(Priority::Low))
    }

    pub(super) fn are_empty(&self) -> bool {
        self.common.is_empty() && self.own.get().is_none_or(|own| own.iter().all(|role| role.queue.is_empty()))
    }
}

//! A scheduler's role: its run queue, and which thread holds it.
//!
//! A thread holds the role for a *term*. When one of its turns runs too long, the monitor has another thread take the role over,
//! which begins the next term; the first thread stays with its process, and ends after that turn.
//!
//! ```text
//! held (term n) ── turn longer than a slice, and it matters ─► taken over (term n + 1) by a new thread, once
//!        └ the thread of term n: finishes its turn, enqueues nothing into the role's queue, ends
//! ```
//!
//! Two threads may believe for a moment that they hold the role: nothing depends on there being one, since run queues may be taken
//! from and put into by any thread. What a thread does for a role that it has lost, it does as any other thread would.

use super::queue::Queue;
use super::seat::Seat;
use super::tenure::{Begun, Tenure};
use crate::process::{Priority, Process};
use crossbeam_queue::SegQueue;
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex};
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) number: usize,
    pub(super) queue: Queue,
    /// By seats. Turns are counted there, not here: what a thread writes that has lost the role, it writes for itself.
    tenure: Tenure<&'static Seat>,
    /// Set by the monitor, once a tick: it is time for a look at timers and I/O.
    look_is_due: AtomicBool,
    /// Set by the rotation: the scheduler is to leave its processor to long runners for a moment.
    rest_is_due: AtomicBool,
}

impl Role {
    fn new(number: usize) -> Self {
        Self {
            number,
            queue: Queue::new(),
            tenure: Tenure::new(),
            look_is_due: AtomicBool::new(false),
            rest_is_due: AtomicBool::new(false),
        }
    }

    /// The thread in that seat begins the term after `term`: the seat of the one that held it before, if any. `Err`: another has.
    pub(super) fn take_over(&self, term: u64, seat: &'static Seat) -> Result<Option<&'static Seat>, Begun> {
        self.tenure.begin(term, seat)
    }

    /// The term that lasts.
    pub(super) fn term(&self) -> u64 {
        self.tenure.term()
    }

    /// The term that lasts, and its holder's seat. `None`: the first has not come yet.
    pub(super) fn held(&self) -> (u64, Option<&'static Seat>) {
        self.tenure.held()
    }

    /// True while that term lasts.
    pub(super) fn is_held(&self, term: u64) -> bool {
        self.term() == term
    }

    /// It is time for a look at timers and I/O.
    pub(super) fn ask_for_look(&self) {
        self.look_is_due.store(true, Ordering::Relaxed);
    }

    /// Whether it is; asked once.
    pub(super) fn is_look_due(&self) -> bool {
        self.look_is_due.load(Ordering::Relaxed) && self.look_is_due.swap(false, Ordering::Relaxed)
    }

    /// Its scheduler is busy, and long runners are short of time.
    pub(super) fn ask_for_rest(&self) {
        self.rest_is_due.store(true, Ordering::Relaxed);
        self.ask_for_look();
    }

    /// Whether it has to rest; asked once.
    pub(super) fn is_rest_due(&self) -> bool {
        self.rest_is_due.load(Ordering::Relaxed) && self.rest_is_due.swap(false, Ordering::Relaxed)
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

    /// The role that the thread in that seat holds, and its term.
    pub(super) fn held_by(&'static self, seat: &'static Seat) -> Option<(&'static Role, u64)> {
        self.own.get()?.iter().find_map(|role| {
            let (term, holder) = role.held();
            holder.is_some_and(|holder| ptr::eq(holder, seat)).then_some((role, term))
        })
    }

    pub(super) fn count(&self) -> usize {
        self.own.get().map_or(0, |own| own.len())
    }

    /// The roles that are held by threads that work.
    pub(super) fn online_ones(&self) -> &[Role] {
        self.own.get().map_or(&[], |own| &own[..self.online().min(own.len())])
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
        // Before it is there: nobody may take it before it is counted.
        self.common_len.fetch_add(1, Ordering::Release);
        self.common.push(process);
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

    /// A scheduler with work of its own takes its part of what waits at another's: each time at the next one's. True: there was some.
    pub(super) fn even_out(&self, own: usize, step: usize) -> bool {
        let Some(roles) = self.own.get() else { return false };
        let others = roles.len() - 1;
        others > 0 && roles[own].queue.even_out(&roles[(own + 1 + step % others) % roles.len()].queue)
    }

    /// For a thread that has no role.
    pub(super) fn take_any(&self) -> Option<&'static Process> {
        let queues = || self.own.get().into_iter().flat_map(|own| own.iter()).map(|role| &role.queue);
        let of = |priority| queues().find_map(|queue| queue.pop(priority));
        let common = || self.take_common();
        of(Priority::High)
            .or_else(|| of(Priority::Normal))
            .or_else(common)
            .or_else(|| queues().find_map(Queue::take_next))
            .or_else(|| of(Priority::Low))
    }

    /// How long each one's queue is, and the common one.
    pub(super) fn queue_lens(&self) -> (Vec<usize>, usize) {
        let own = self.own.get().map_or(&[][..], |own| own);
        (own.iter().map(|role| role.queue.total_len()).collect(), self.common_len.load(Ordering::Relaxed))
    }

    pub(super) fn are_empty(&self) -> bool {
        self.common.is_empty() && self.own.get().is_none_or(|own| own.iter().all(|role| role.queue.is_empty()))
    }
}

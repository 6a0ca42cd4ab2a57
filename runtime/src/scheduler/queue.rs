//! Run queues: one a scheduler, and a common one for what overflows or comes from other threads.
//!
//! Every queue may be taken from by any thread: a scheduler's role can pass to another thread, and thieves need no protocol of
//! their own. An entry is a scheduled process, which is alive until it is run (see `process::state`).

use crate::process::Process;
use crossbeam_queue::{ArrayQueue, SegQueue};
use crossbeam_utils::CachePadded;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

const QUEUE_LEN: usize = 512;

/// One scheduler's queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// Whom the running process woke last: runs next, while its message is in the cache.
    next: CachePadded<AtomicPtr<Process>>,
    queue: ArrayQueue<&'static Process>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { next: CachePadded::default(), queue: ArrayQueue::new(QUEUE_LEN) }
    }

    /// Puts a process into the `next` slot, and whoever was there into the queue: true when there was one.
    pub(super) fn push_next(&self, process: &'static Process) -> bool {
        let before = from_slot(self.next.swap(ptr::from_ref(process).cast_mut(), Ordering::AcqRel));
        before.is_some_and(|before| {
            self.push(before);
            true
        })
    }

    /// Puts a process at the queue's end.
    pub(super) fn push(&self, process: &'static Process) {
        if let Err(process) = self.queue.push(process) {
            QUEUES.push_common(process);
        }
    }

    pub(super) fn take_next(&self) -> Option<&'static Process> {
        if self.next.load(Ordering::Relaxed).is_null() {
            return None;
        }
        from_slot(self.next.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    pub(super) fn pop(&self) -> Option<&'static Process> {
        self.queue.pop()
    }

    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.next.load(Ordering::Acquire).is_null()
    }
}

#[expect(unsafe_code, reason = "a reference through an atomic pointer")]
fn from_slot(slot: *mut Process) -> Option<&'static Process> {
    // SAFETY: only `push_next` writes the slot, from a `&'static Process`.
    unsafe { slot.as_ref() }
}

/// All queues.
#[derive(Debug)]
pub(super) struct Queues {
    own: OnceLock<Box<[Queue]>>,
    common: SegQueue<&'static Process>,
    /// Length of `common`, so that an empty one costs a load.
    common_len: CachePadded<AtomicUsize>,
}

pub(super) static QUEUES: Queues =
    Queues { own: OnceLock::new(), common: SegQueue::new(), common_len: CachePadded::new(AtomicUsize::new(0)) };

impl Queues {
    /// Makes the schedulers' queues, once.
    pub(super) fn make(&'static self, count: usize) -> &'static [Queue] {
        self.own.get_or_init(|| (0..count).map(|_| Queue::new()).collect())
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

    /// A process of another scheduler's queue.
    pub(super) fn steal(&self, thief: usize) -> Option<&'static Process> {
        let own = self.own.get()?;
        let others = (1..own.len()).map(|step| &own[(thief + step) % own.len()]);
        self.take_common().or_else(|| {
            // A `next` slot last: it is about to be run where it is, with its message in the cache.
            others.clone().find_map(Queue::pop).or_else(|| others.clone().find_map(Queue::take_next))
        })
    }

    pub(super) fn are_empty(&self) -> bool {
        self.common.is_empty() && self.own.get().is_none_or(|own| own.iter().all(Queue::is_empty))
    }
}

//! A scheduler's run queue: one for each priority, and a slot for whom the running process woke last.
//!
//! Every queue may be taken from by any thread: a scheduler's role can pass to another thread, and thieves need no protocol of
//! their own. An entry is a scheduled process, which is alive until it is run (see `process::state`).

use super::role::ROLES;
use crate::process::{Priority, Process};
use crossbeam_queue::{ArrayQueue, SegQueue};
use crossbeam_utils::CachePadded;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// What does not fit goes to the common queue, which is looked at less often: long enough for thousands of connections.
const QUEUE_LEN: usize = 8192;
/// At the most so many of a priority change queues at a time.
const EVEN_OUT_MAX: usize = 256;

/// One scheduler's queue.
#[derive(Debug)]
pub(super) struct Queue {
    /// Whom the running process woke last: runs next, while its message is in the cache.
    next: CachePadded<AtomicPtr<Process>>,
    high: SegQueue<&'static Process>,
    normal: ArrayQueue<&'static Process>,
    low: SegQueue<&'static Process>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            next: CachePadded::default(),
            high: SegQueue::new(),
            normal: ArrayQueue::new(QUEUE_LEN),
            low: SegQueue::new(),
        }
    }

    /// Puts a process into the `next` slot, and whoever was there into the queue: true when there was one.
    pub(super) fn push_next(&self, process: &'static Process) -> bool {
        let before = from_slot(self.next.swap(ptr::from_ref(process).cast_mut(), Ordering::SeqCst));
        before.is_some_and(|before| {
            self.push(before);
            true
        })
    }

    /// Puts a process at the end of its priority's queue.
    pub(super) fn push(&self, process: &'static Process) {
        match process.priority() {
            Priority::High => self.high.push(process),
            Priority::Normal => {
                if let Err(process) = self.normal.push(process) {
                    ROLES.push_common(process);
                }
            }
            Priority::Low => self.low.push(process),
        }
    }

    pub(super) fn take_next(&self) -> Option<&'static Process> {
        if self.next.load(Ordering::Relaxed).is_null() {
            return None;
        }
        from_slot(self.next.swap(ptr::null_mut(), Ordering::AcqRel))
    }

    /// The oldest of that priority.
    pub(super) fn pop(&self, priority: Priority) -> Option<&'static Process> {
        match priority {
            Priority::High => pop_some(&self.high),
            Priority::Normal => self.normal.pop(),
            Priority::Low => pop_some(&self.low),
        }
    }

    /// Any.
    pub(super) fn pop_any(&self) -> Option<&'static Process> {
        self.take_next()
            .or_else(|| self.pop(Priority::High))
            .or_else(|| self.pop(Priority::Normal))
            .or_else(|| self.pop(Priority::Low))
    }

    /// Takes one of normal priority, and moves half of the others to `into`.
    pub(super) fn pop_half(&self, into: &Self) -> Option<&'static Process> {
        let first = self.normal.pop()?;
        for _ in 0..self.normal.len() / 2 {
            match self.normal.pop() {
                Some(process) => into.push(process),
                None => break,
            }
        }
        Some(first)
    }

    /// How many wait; while others push and pop, nearly.
    pub(super) fn total_len(&self) -> usize {
        let next = usize::from(!self.next.load(Ordering::Relaxed).is_null());
        next + self.high.len() + self.normal.len() + self.low.len()
    }

    /// Moves half of what `other` has more here, of each priority; one of high that is alone there, while none waits here, too: its
    /// scheduler may be away. True: some were.
    pub(super) fn even_out(&self, other: &Self) -> bool {
        let mut has_moved = false;
        for priority in [Priority::High, Priority::Normal, Priority::Low] {
            let more = other.len(priority).saturating_sub(self.len(priority));
            let count = if priority == Priority::High { more.div_ceil(2) } else { more / 2 };
            for _ in 0..count.min(EVEN_OUT_MAX) {
                let Some(process) = other.pop(priority) else { break };
                self.push(process);
                has_moved = true;
            }
        }
        has_moved
    }

    fn len(&self, priority: Priority) -> usize {
        match priority {
            Priority::High => self.high.len(),
            Priority::Normal => self.normal.len(),
            Priority::Low => self.low.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.normal.is_empty()
            && self.high.is_empty()
            && self.low.is_empty()
            && self.next.load(Ordering::Acquire).is_null()
    }
}

/// To take something out of an empty queue costs a fence, to see that it is empty does not: these are empty as a rule.
fn pop_some(queue: &SegQueue<&'static Process>) -> Option<&'static Process> {
    if queue.is_empty() { None } else { queue.pop() }
}

#[expect(unsafe_code, reason = "a reference through an atomic pointer")]
fn from_slot(slot: *mut Process) -> Option<&'static Process> {
    // SAFETY: only `push_next` writes the slot, from a `&'static Process`.
    unsafe { slot.as_ref() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(high: usize, normal: usize, low: usize) -> Queue {
        let queue = Queue::new();
        for (priority, count) in [(Priority::High, high), (Priority::Normal, normal), (Priority::Low, low)] {
            for _ in 0..count {
                let process: &'static Process = Box::leak(Box::new(Process::unused()));
                process.set_priority(priority);
                queue.push(process);
            }
        }
        queue
    }

    fn lens(queue: &Queue) -> [usize; 3] {
        [Priority::High, Priority::Normal, Priority::Low].map(|priority| queue.len(priority))
    }

    #[test]
    fn queues_even_out_and_nobody_is_lost() {
        for (own, other, becomes, leaves) in [
            ([0, 1, 0], [1, 199, 1], [1, 100, 0], [0, 100, 1]),
            ([1, 1, 1], [1, 2, 2], [1, 1, 1], [1, 2, 2]),
            ([0, 0, 0], [3, 3, 3], [2, 1, 1], [1, 2, 2]),
            ([5, 5, 5], [1, 1, 1], [5, 5, 5], [1, 1, 1]),
            ([0, 0, 0], [0, 1000, 0], [0, 256, 0], [0, 744, 0]),
        ] {
            let (thief, victim) = (queue(own[0], own[1], own[2]), queue(other[0], other[1], other[2]));
            assert_eq!(thief.even_out(&victim), own != becomes);
            assert_eq!((lens(&thief), lens(&victim)), (becomes, leaves));
        }
    }
}

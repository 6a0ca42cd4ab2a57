//! Timers: wakers with a deadline.
//!
//! Kept in shards, so that threads do not queue up for one lock: a thread starts timers in its own shard, and cancels them
//! in whichever they are. Whoever polls for I/O fires what has expired in all of them.
//! A deadline is rounded up, by a five-hundredth of the time until then at the most, to one that others have too: ten thousand that sleep for a second wake
//! a thread a thousand times a second, and not ten thousand times. Those that fire together do so in the order in which they were due.
//! `NEXT` holds each shard's earliest deadline, `u64::MAX` when it has none; it changes under the shard's lock.

use crate::counter::thread_shard;
use crate::waker::Waker;
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use slab::Slab;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SHARDS: usize = 8;
/// A timer is late by less than one part of so many of its time …
const PARTS: u64 = 512;
/// … and, in nanoseconds, by no more than this: a millisecond, as we count.
const LATE_MAX: u64 = 1 << 20;
/// There is none.
pub(crate) const NEVER: u64 = u64::MAX;

/// When a timer fires, and before and after which others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    deadline: u64,
    /// Before it was rounded.
    exact: u64,
    /// Of the shard, when it was started.
    generation: u32,
    slot: u32,
}

#[derive(Debug)]
struct Entry {
    due: Due,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Shard {
    entries: Slab<Entry>,
    by_deadline: BTreeSet<Due>,
    generation: u32,
}

static TIMERS: LazyLock<[CachePadded<Mutex<Shard>>; SHARDS]> = LazyLock::new(Default::default);
static NEXT: [CachePadded<AtomicU64>; SHARDS] = [const { CachePadded::new(AtomicU64::new(NEVER)) }; SHARDS];
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the node started.
pub(crate) fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_nanos()).unwrap_or(NEVER - 1)
}

impl Shard {
    fn insert(&mut self, now: u64, after: Duration, waker: Waker) -> Due {
        let after = u64::try_from(after.as_nanos()).unwrap_or(NEVER);
        let (deadline, exact) = (together(now, after), now.saturating_add(after));
        self.generation = self.generation.wrapping_add(1).max(1);
        // Below 2²⁹: so many have no room in memory.
        let slot = self.entries.vacant_key() as u32;
        let due = Due { deadline, exact, generation: self.generation, slot };
        self.entries.insert(Entry { due, waker });
        self.by_deadline.insert(due);
        due
    }

    /// Takes those whose deadline has come, in the order in which they were due.
    fn expire(&mut self, now: u64, expired: &mut Vec<(Due, Waker)>) {
        while let Some(due) = self.by_deadline.first().copied()
            && due.deadline <= now
        {
            self.by_deadline.pop_first();
            expired.push((due, self.entries.remove(due.slot as usize).waker));
        }
    }
}

/// Starts a timer: its number, never 0, and its deadline.
pub(crate) fn start(after: Duration, waker: Waker) -> (u64, u64) {
    let (number, now) = (thread_shard() % SHARDS, now());
    let mut shard = TIMERS[number].lock();
    let due = shard.insert(now, after, waker);
    publish(number, &shard);
    drop(shard);
    ((u64::from(due.generation) << 32) | (u64::from(due.slot) << 3) | number as u64, due.deadline)
}

/// When a timer of that time, started now, fires, as those do that were to fire a little earlier.
fn together(now: u64, after: u64) -> u64 {
    let step = (after / PARTS).clamp(1, LATE_MAX);
    // A power of two divides all greater ones: steps of different lengths meet.
    let step = 1 << step.ilog2();
    now.saturating_add(after).checked_next_multiple_of(step).unwrap_or(NEVER).min(NEVER - 1)
}

/// Takes a timer back. False: it has fired, or was taken back before.
pub(crate) fn cancel(timer: u64) -> bool {
    let (number, slot, generation) =
        ((timer & 7) as usize, ((timer & 0xFFFF_FFFF) >> 3) as usize, (timer >> 32) as u32);
    let mut shard = TIMERS[number].lock();
    if shard.entries.get(slot).is_none_or(|entry| entry.due.generation != generation) {
        return false;
    }
    let entry = shard.entries.remove(slot);
    shard.by_deadline.remove(&entry.due);
    publish(number, &shard);
    drop(shard);
    // A foreign waker's drop runs foreign code: not under the lock.
    drop(entry);
    true
}

/// The earliest deadline of all.
pub(crate) fn next() -> u64 {
    NEXT.iter().map(|next| next.load(Ordering::SeqCst)).min().unwrap_or(NEVER)
}

/// Collects the wakers of all timers whose deadline has come, in the order in which they were due.
pub(crate) fn expire(now: u64, woken: &mut Vec<Waker>) {
    let mut expired = Vec::new();
    let mut shards = 0;
    for (number, next) in NEXT.iter().enumerate() {
        if next.load(Ordering::Relaxed) <= now {
            expire_shard(number, now, &mut expired);
            shards += 1;
        }
    }
    if shards > 1 {
        expired.sort_by_key(|(due, _)| (due.deadline, due.exact));
    }
    woken.extend(expired.into_iter().map(|(_, waker)| waker));
}

fn expire_shard(number: usize, now: u64, expired: &mut Vec<(Due, Waker)>) {
    let mut shard = TIMERS[number].lock();
    shard.expire(now, expired);
    publish(number, &shard);
}

fn publish(number: usize, shard: &Shard) {
    let next = shard.by_deadline.first().map_or(NEVER, |due| due.deadline);
    NEXT[number].store(next, Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_timer_is_never_early_and_hardly_late(now in 0..1_u64 << 62, after in 0..1_u64 << 62) {
            let late = together(now, after) - (now + after);
            prop_assert!(late <= after / PARTS, "{late} of {after}");
            prop_assert!(late < LATE_MAX, "{late}");
        }
    }

    #[test]
    fn those_that_are_due_at_about_the_same_time_fire_together() {
        const SECOND: u64 = 1_000_000_000;
        let started = (0..10_000).map(|at| at * SECOND / 10_000);
        let fire: BTreeSet<u64> = started.map(|now| together(now, SECOND)).collect();
        assert!(fire.len() < 2000, "at {} times", fire.len());
    }

    #[test]
    fn a_time_without_end_is_no_deadline() {
        assert_eq!(together(5, NEVER), NEVER - 1);
        assert_eq!(together(NEVER - 1, NEVER - 1), NEVER - 1);
        assert_eq!(together(7, 0), 7);
    }

    #[test]
    fn those_that_fire_together_do_so_in_their_order() {
        const SOON: Duration = Duration::from_millis(20);
        let (tell, told) = std::sync::mpsc::channel();
        // One of its own: other tests of this process have schedulers, which fire what is in the others.
        let mut shard = Shard::default();
        // Slots are given out again, the last one first.
        for begun in [5, 5_000_000_000, 7_000_000_000_123] {
            let mut later = |name: u32, after: Duration| {
                let tell = tell.clone();
                shard.insert(begun, after, Waker::call(move || tell.send(name).expect("somebody listens")))
            };
            let started: Vec<_> = (0..8).map(|name| later(name, SOON)).collect();
            let last = later(8, SOON + Duration::from_micros(300));
            let first = later(9, SOON - Duration::from_micros(300));
            let deadlines = started.iter().chain([&last, &first]).map(|due| due.deadline);
            let mut expired = Vec::new();
            shard.expire(deadlines.max().expect("some"), &mut expired);
            expired.into_iter().for_each(|(_, waker)| waker.wake());
            assert_eq!(told.try_iter().collect::<Vec<_>>(), [9, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        }
    }
}

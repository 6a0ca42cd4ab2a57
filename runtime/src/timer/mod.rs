//! Timers: wakers with a deadline.
//!
//! Kept in shards, so that threads do not queue up for one lock: a thread starts timers in its own shard, and cancels them
//! in whichever they are. Whoever polls for I/O fires what has expired in all of them.
//! A deadline is rounded up, by a five-hundredth of the time until then at the most, to one that others have too: ten thousand that sleep for a second wake
//! a thread a thousand times a second, and not ten thousand times.
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

#[derive(Debug)]
struct Entry {
    deadline: u64,
    generation: u32,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Shard {
    entries: Slab<Entry>,
    by_deadline: BTreeSet<(u64, usize)>,
    generation: u32,
}

static TIMERS: LazyLock<[CachePadded<Mutex<Shard>>; SHARDS]> = LazyLock::new(Default::default);
static NEXT: [CachePadded<AtomicU64>; SHARDS] = [const { CachePadded::new(AtomicU64::new(NEVER)) }; SHARDS];
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Nanoseconds since the node started.
pub(crate) fn now() -> u64 {
    u64::try_from(EPOCH.elapsed().as_nanos()).unwrap_or(NEVER - 1)
}

/// Starts a timer: its number, never 0, and its deadline.
pub(crate) fn start(after: Duration, waker: Waker) -> (u64, u64) {
    let after = u64::try_from(after.as_nanos()).unwrap_or(NEVER);
    let deadline = together(now(), after);
    let number = thread_shard() % SHARDS;
    let mut shard = TIMERS[number].lock();
    shard.generation = shard.generation.wrapping_add(1).max(1);
    let generation = shard.generation;
    let slot = shard.entries.insert(Entry { deadline, generation, waker });
    shard.by_deadline.insert((deadline, slot));
    publish(number, &shard);
    drop(shard);
    ((u64::from(generation) << 32) | ((slot as u64) << 3) | number as u64, deadline)
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
    if shard.entries.get(slot).is_none_or(|entry| entry.generation != generation) {
        return false;
    }
    let entry = shard.entries.remove(slot);
    shard.by_deadline.remove(&(entry.deadline, slot));
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

/// Collects the wakers of all timers whose deadline has come.
pub(crate) fn expire(now: u64, woken: &mut Vec<Waker>) {
    for (number, next) in NEXT.iter().enumerate() {
        if next.load(Ordering::Relaxed) <= now {
            expire_shard(number, now, woken);
        }
    }
}

fn expire_shard(number: usize, now: u64, woken: &mut Vec<Waker>) {
    let mut shard = TIMERS[number].lock();
    while let Some(&(deadline, slot)) = shard.by_deadline.first()
        && deadline <= now
    {
        shard.by_deadline.pop_first();
        woken.push(shard.entries.remove(slot).waker);
    }
    publish(number, &shard);
}

fn publish(number: usize, shard: &Shard) {
    let next = shard.by_deadline.first().map_or(NEVER, |(deadline, _)| *deadline);
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
}

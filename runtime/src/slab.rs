//! Numbered slots that never move and are never freed, so that a number can be looked up without a lock.
//!
//! A slot is given out by [`Slab::allocate`] and comes back by [`Slab::free`]; between the two it has one owner. What a stale
//! number means is up to the slot's type (a generation). Memory is kept at its peak.

use parking_lot::Mutex;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

const CHUNK_LEN: u32 = 1024;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Slab<T: 'static> {
    chunks: Box<[AtomicPtr<T>]>,
    len_max: u32,
    /// Slots given out so far at least once; those below may be looked up.
    used: AtomicU32,
    free: Mutex<Vec<u32>>,
    make: fn() -> T,
}

impl<T: Sync> Slab<T> {
    /// For `len_max` slots; `make` is one that was never used.
    pub(crate) fn new(len_max: u32, make: fn() -> T) -> Self {
        let chunks = (0..len_max.div_ceil(CHUNK_LEN)).map(|_| AtomicPtr::default()).collect();
        Self { chunks, len_max, used: AtomicU32::new(0), free: Mutex::new(Vec::new()), make }
    }

    /// The slot of that number. `None`: never given out.
    #[expect(unsafe_code, reason = "a published chunk is read without a lock")]
    pub(crate) fn get(&self, index: u32) -> Option<&'static T> {
        let chunk = self.chunks.get((index / CHUNK_LEN) as usize)?.load(Ordering::Acquire);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: a chunk that is published has CHUNK_LEN initialised slots and is never freed or moved.
        Some(unsafe { &*chunk.add((index % CHUNK_LEN) as usize) })
    }

    /// A slot of one's own. `None`: all are given out.
    pub(crate) fn allocate(&self) -> Option<(u32, &'static T)> {
        let mut one = Vec::with_capacity(1);
        self.allocate_many(&mut one, 1);
        let index = one.pop()?;
        Some((index, self.get(index)?))
    }

    /// Up to `count` slots of one's own: their numbers are appended to `into`.
    pub(crate) fn allocate_many(&self, into: &mut Vec<u32>, count: usize) {
        let mut free = self.free.lock();
        let reused = free.len().min(count);
        let from = free.len() - reused;
        into.extend(free.drain(from..));
        for _ in reused..count {
            let index = self.used.load(Ordering::Relaxed);
            if index >= self.len_max {
                return;
            }
            self.ensure_chunk(index / CHUNK_LEN);
            self.used.store(index + 1, Ordering::Release);
            into.push(index);
        }
    }

    /// Gives slots back.
    pub(crate) fn free_many(&self, indexes: impl IntoIterator<Item = u32>) {
        self.free.lock().extend(indexes);
    }

    /// Gives a slot back.
    pub(crate) fn free(&self, index: u32) {
        self.free_many([index]);
    }

    /// Every slot that was ever given out.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &'static T)> {
        (0..self.used.load(Ordering::Acquire)).filter_map(|index| Some((index, self.get(index)?)))
    }

    /// Under the lock of `free`: only one thread makes chunks.
    fn ensure_chunk(&self, chunk: u32) {
        let place = &self.chunks[chunk as usize];
        if place.load(Ordering::Relaxed).is_null() {
            let slots: Box<[T]> = (0..CHUNK_LEN).map(|_| (self.make)()).collect();
            place.store(ptr::from_mut(Box::leak(slots)).cast(), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_found_by_number_and_reused() {
        let slab: Slab<AtomicU32> = Slab::new(2000, || AtomicU32::new(7));
        assert!(slab.get(0).is_none());
        let (first, slot) = slab.allocate().expect("a slot");
        slot.store(8, Ordering::Relaxed);
        assert_eq!(slab.get(first).expect("the slot").load(Ordering::Relaxed), 8);
        slab.free(first);
        assert_eq!(slab.allocate().expect("a slot").0, first);
        let mut all = Vec::new();
        slab.allocate_many(&mut all, 5000);
        assert_eq!(all.len(), 1999, "one was given before");
        assert!(slab.allocate().is_none());
        assert_eq!(slab.iter().count(), 2000);
        slab.free_many(all);
        assert!(slab.allocate().is_some(), "full is not for ever");
    }
}

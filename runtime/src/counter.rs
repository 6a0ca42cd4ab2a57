//! A sum that many threads add to and few read.

use crossbeam_utils::CachePadded;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

const SHARDS: usize = 8;

/// Each thread adds to a shard of its own (as far as the shards go), so that adding costs no shared cache line.
#[derive(Debug, Default)]
pub(crate) struct Counter([CachePadded<AtomicI64>; SHARDS]);

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static SHARD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// This thread's number among all, for choosing a shard.
pub(crate) fn thread_shard() -> usize {
    SHARD.try_with(|shard| *shard).unwrap_or(0)
}

impl Counter {
    pub(crate) fn add(&self, n: i64) {
        self.0[thread_shard() % SHARDS].fetch_add(n, Ordering::Relaxed);
    }

    /// The sum; exact when nobody adds meanwhile.
    pub(crate) fn get(&self) -> u64 {
        let sum: i64 = self.0.iter().map(|shard| shard.load(Ordering::Acquire)).sum();
        sum.max(0).unsigned_abs()
    }
}

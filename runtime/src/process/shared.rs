//! What a process's image and the node tell each other without a call.

use plugin_abi::abi::{HAS_CHECKPOINTS, KILLED, ProcessShared};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// See the file's head.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Shared(ProcessShared);

impl Shared {
    pub(super) const fn new() -> Self {
        Self(ProcessShared { memory: AtomicI64::new(0), killed: AtomicU32::new(0), busy: AtomicU32::new(0) })
    }

    /// For a new life, which has so many bytes already. For the slot's owner.
    pub(super) fn reset(&self, len: usize) {
        self.0.memory.store(i64::try_from(len).unwrap_or(i64::MAX), Ordering::Relaxed);
        self.0.killed.store(0, Ordering::Relaxed);
        self.0.busy.store(0, Ordering::Relaxed);
    }

    /// Tells a poll that looks that its process was killed.
    pub(crate) fn set_killed(&self) {
        self.0.killed.fetch_or(KILLED, Ordering::Relaxed);
    }

    /// True when its polls look whether it was killed.
    pub(crate) fn has_checkpoints(&self) -> bool {
        self.0.killed.load(Ordering::Relaxed) & HAS_CHECKPOINTS != 0
    }

    /// Bytes that the process has allocated, as far as its image counts them; below zero when it has freed what others had allocated.
    pub(crate) fn memory(&self) -> i64 {
        self.0.memory.load(Ordering::Relaxed)
    }

    /// True where the poll must not be stopped for ever.
    pub(crate) fn is_busy(&self) -> bool {
        self.0.busy.load(Ordering::Relaxed) != 0
    }
}

//! What a process's image and the node tell each other without a call.

use plugin_abi::abi::{ASKED, HAS_CHECKPOINTS, KILLED, ProcessShared, TRACED};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

/// See the file's head.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct Shared(ProcessShared);

impl Shared {
    pub(super) const fn new() -> Self {
        Self(ProcessShared { memory: AtomicI64::new(0), flags: AtomicU32::new(0), busy: AtomicU32::new(0) })
    }

    /// For a new life, which has so many bytes already. For the slot's owner.
    pub(super) fn reset(&self, len: usize) {
        self.0.memory.store(i64::try_from(len).unwrap_or(i64::MAX), Ordering::Relaxed);
        self.0.flags.store(0, Ordering::Relaxed);
        self.0.busy.store(0, Ordering::Relaxed);
    }

    /// For a process that goes on on another image, with so many bytes of its own and so many behind them.
    pub(super) fn restart(&self, len: usize, memory: i64) {
        self.0.memory.store(memory.saturating_add_unsigned(len as u64), Ordering::Relaxed);
        self.0.flags.fetch_and(!(HAS_CHECKPOINTS | ASKED), Ordering::Relaxed);
    }

    /// Asks for its state at the next boundary, or no more.
    pub(crate) fn set_asked(&self, is_asked: bool) {
        if is_asked {
            self.0.flags.fetch_or(ASKED, Ordering::Release);
        } else {
            self.0.flags.fetch_and(!ASKED, Ordering::Release);
        }
    }

    /// Whether its state is asked for.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.flags.load(Ordering::Relaxed) & ASKED != 0
    }

    /// Tells its image to show where it waits, or no more.
    pub(crate) fn set_traced(&self, is_traced: bool) {
        if is_traced {
            self.0.flags.fetch_or(TRACED, Ordering::Release);
        } else {
            self.0.flags.fetch_and(!TRACED, Ordering::Release);
        }
    }

    /// Tells a poll that looks that its process was killed. False: it was already.
    pub(crate) fn set_killed(&self) -> bool {
        self.0.flags.fetch_or(KILLED, Ordering::Relaxed) & KILLED == 0
    }

    /// True when its polls look whether it was killed.
    pub(crate) fn has_checkpoints(&self) -> bool {
        self.0.flags.load(Ordering::Relaxed) & HAS_CHECKPOINTS != 0
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

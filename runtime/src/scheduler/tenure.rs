//! Who holds a role: the term that lasts, and its holder's seat.
//!
//! ```text
//! free (term 0) ─ begin (0, a) ─► held by a (term 1) ─ begin (1, b) ─► held by b (term 2) ─ …
//! ```
//!
//! Invariants, which `tests/loom` checks: one thread begins each term. The seat is that of whoever began the term that lasts: whoever
//! reads both reads the two of one term. A seat that stayed behind its term would hide the holder's turns from the monitor, and
//! give the role's new thread the place of one that has ended.

use crate::sync::{AtomicU64, Mutex, Ordering};

/// See the file's head. `S`: what a thread is known by.
#[derive(Debug)]
pub(super) struct Tenure<S> {
    /// Written under the lock of `holder`; read without it, at every turn.
    term: AtomicU64,
    holder: Mutex<Option<S>>,
}

impl<S: Copy> Tenure<S> {
    pub(super) fn new() -> Self {
        Self { term: AtomicU64::new(0), holder: Mutex::new(None) }
    }

    /// Begins the term after `term`: who held it before, if anybody. `Err`: another has begun it.
    pub(super) fn begin(&self, term: u64, holder: S) -> Result<Option<S>, Begun> {
        let mut held = self.holder.lock();
        if self.term() != term {
            return Err(Begun);
        }
        self.term.store(term + 1, Ordering::SeqCst);
        Ok(held.replace(holder))
    }

    /// The term that lasts, and who holds it. `None`: the first has not come yet.
    pub(super) fn held(&self) -> (u64, Option<S>) {
        let held = self.holder.lock();
        (self.term(), *held)
    }

    /// The term that lasts.
    pub(super) fn term(&self) -> u64 {
        self.term.load(Ordering::SeqCst)
    }
}

/// The next term has begun already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Begun;

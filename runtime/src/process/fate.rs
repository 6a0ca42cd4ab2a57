//! Who hears of a process's end, and what else ends with it.
//!
//! Most processes have no ties, so the books are a box made on first use. They close with the process: a tie made later
//! finds them closed. A tie stands in two books, so that whoever ends first leaves nothing behind: a monitor in the
//! target's `watchers` and the watcher's `watching`, a link in both `links`. Locks are taken one at a time, never two: the first entry is
//! made in the book of the running process (which cannot end meanwhile), the second in the other's; a closed book on the
//! other side takes the first entry back. Whoever closes its books strikes each tie out on the other side, and acts on it only if it
//! was still there.

use super::ledger::Ledger;
use super::notice::{Down, Reason};
use super::pid::Pid;
use parking_lot::lock_api::RawMutex as _;
use std::cell::{Cell, UnsafeCell};
use std::fmt;
use std::sync::Arc;

/// A process's books: a mutex in 16 bytes, since every process has one.
pub(crate) struct Fate {
    lock: parking_lot::RawMutex,
    is_closed: Cell<bool>,
    open: UnsafeCell<Option<Box<Open>>>,
}

// SAFETY: `is_closed` and `open` are touched under `lock` alone (`locked`).
unsafe impl Sync for Fate {}

/// What is written in them.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// Reference of the monitor → who watches and the message that waits for it.
    pub(crate) watchers: Ledger<u64, (Pid, Down)>,
    /// Reference of the monitor → whom this process watches.
    pub(crate) watching: Ledger<u64, Pid>,
    /// Whose end is this one's, and the other way round.
    pub(crate) links: Ledger<Pid, ()>,
    /// Exit signals become messages.
    pub(crate) traps_exits: bool,
    /// Why it ends: of itself, or since a signal says so.
    pub(crate) reason: Option<Reason>,
    /// Names that it has in the registry.
    pub(crate) names: Vec<Arc<str>>,
    /// Groups of which it is a member.
    pub(crate) groups: Vec<Arc<str>>,
}

impl Fate {
    pub(crate) const fn new() -> Self {
        Self { lock: parking_lot::RawMutex::INIT, is_closed: Cell::new(false), open: UnsafeCell::new(None) }
    }

    fn locked<R>(&self, act: impl FnOnce(&Cell<bool>, &mut Option<Box<Open>>) -> R) -> R {
        struct Unlock<'a>(&'a parking_lot::RawMutex);
        impl Drop for Unlock<'_> {
            fn drop(&mut self) {
                // SAFETY: made by whoever has just locked it.
                unsafe { self.0.unlock() };
            }
        }
        self.lock.lock();
        let _unlock = Unlock(&self.lock);
        // SAFETY: under the lock, this is the one reference; `act` cannot come back here, or it would wait for itself.
        act(&self.is_closed, unsafe { &mut *self.open.get() })
    }

    /// Reads or writes the books. `None`: they are closed.
    pub(crate) fn open<R>(&self, act: impl FnOnce(&mut Open) -> R) -> Option<R> {
        self.locked(|is_closed, open| (!is_closed.get()).then(|| act(open.get_or_insert_default())))
    }

    /// Reads or writes the books if there is anything in them.
    pub(crate) fn if_open<R>(&self, act: impl FnOnce(&mut Open) -> R) -> Option<R> {
        self.locked(|_, open| open.as_deref_mut().map(act))
    }

    /// Closes the books and hands them over.
    pub(crate) fn close(&self) -> Option<Box<Open>> {
        self.locked(|is_closed, open| {
            is_closed.set(true);
            open.take()
        })
    }

    /// New books for a new life in the slot.
    pub(crate) fn reopen(&self) {
        self.locked(|is_closed, open| {
            is_closed.set(false);
            *open = None;
        });
    }
}

impl fmt::Debug for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.locked(|is_closed, open| f.debug_struct("Fate").field("closed", is_closed).field("open", open).finish())
    }
}

//! Who hears of a process's end.
//!
//! Most processes are never monitored, so the books are a box made on first use. They close with the process: a monitor
//! set later hears at once. Each monitor stands in two books, the target's `watchers` and the watcher's `watching`, so that
//! whoever ends first leaves nothing behind. Locks are taken one at a time, never two.

use super::message::Down;
use super::pid::Pid;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A process's books.
#[derive(Debug, Default)]
pub(crate) struct Fate(Mutex<Books>);

#[derive(Debug, Default)]
enum Books {
    #[default]
    Empty,
    Open(Box<Open>),
    Closed,
}

/// What is written in them.
#[derive(Debug, Default)]
pub(crate) struct Open {
    /// Reference of the monitor → who watches and the message that waits for it.
    pub(crate) watchers: BTreeMap<u64, (Pid, Down)>,
    /// Reference of the monitor → whom this process watches.
    pub(crate) watching: BTreeMap<u64, Pid>,
    /// Text of the panic that ends it.
    pub(crate) detail: Option<Arc<str>>,
}

impl Fate {
    /// Reads or writes the books. `None`: they are closed.
    pub(crate) fn open<R>(&self, act: impl FnOnce(&mut Open) -> R) -> Option<R> {
        let mut books = self.0.lock();
        if matches!(*books, Books::Empty) {
            *books = Books::Open(Box::default());
        }
        match &mut *books {
            Books::Open(open) => Some(act(open)),
            Books::Empty | Books::Closed => None,
        }
    }

    /// Reads or writes the books if there is anything in them.
    pub(crate) fn if_open<R>(&self, act: impl FnOnce(&mut Open) -> R) -> Option<R> {
        match &mut *self.0.lock() {
            Books::Open(open) => Some(act(open)),
            Books::Empty | Books::Closed => None,
        }
    }

    /// Closes the books and hands them over.
    pub(crate) fn close(&self) -> Option<Box<Open>> {
        match std::mem::replace(&mut *self.0.lock(), Books::Closed) {
            Books::Open(open) => Some(open),
            Books::Empty | Books::Closed => None,
        }
    }

    /// New books for a new life in the slot.
    pub(crate) fn reopen(&self) {
        *self.0.lock() = Books::Empty;
    }
}

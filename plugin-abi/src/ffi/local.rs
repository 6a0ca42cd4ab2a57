//! What a process keeps beside its future: who inside of it waits for what the host wakes the whole process for.
//!
//! The host wakes a process for each message and when its image's state changes, and does not say which. A future that has the
//! process's own waker looks again at each poll. One inside an executor of its own (`FuturesUnordered`) is polled only when a waker of
//! that executor is called: such wakers are kept here, and called before the process is polled.
//!
//! Invariants:
//! - They are called only when there is something to see. At each poll would be too often: such an executor wakes the process when
//!   it has polled all it has, so the process would never rest.
//! - To see whether there is a message it is taken out of the mailbox; it waits here for the next `receive`.
//! - A waker's code is never run while the cell is borrowed: it may come back here.

use super::future::with_local;
use super::host::{self, image_state};
use super::message::RawMessage;
use super::waker::is_process_waker;
use crate::abi::Pid;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Made for the first waker that is kept: most processes have none.
    inner: RefCell<Option<Box<Inner>>>,
    #[cfg(feature = "tokio")]
    pub(super) tokio: crate::tokio_context::Hold,
}

#[derive(Default)]
struct Inner {
    /// Waits for a message of the process of that pid, which is this one.
    reader: Option<(Pid, Waker)>,
    /// Taken out for a reader.
    message: Option<(Pid, RawMessage)>,
    /// Wait for a change of the image's state, by the number of their [`ImageWatch`].
    watchers: BTreeMap<u64, Waker>,
    /// The state that all watchers have seen; `None`: not the same.
    seen: Option<u32>,
}

impl Inner {
    /// The wakers to call now that this message was found, if any, and the image is in that state.
    fn take_woken(&mut self, message: Option<(Pid, RawMessage)>, state: u32) -> Vec<Waker> {
        let mut woken = Vec::new();
        if message.is_some() {
            self.message = message;
        }
        if self.message.is_some() {
            woken.extend(self.reader.take().map(|(_, waker)| waker));
        }
        if self.seen.replace(state) != Some(state) {
            woken.extend(std::mem::take(&mut self.watchers).into_values());
        }
        woken
    }

    /// The watcher of that number has seen that state. Returns its earlier waker.
    fn watch(&mut self, number: u64, state: u32, waker: Waker) -> Option<Waker> {
        let is_first = self.watchers.is_empty();
        self.seen = Some(state).filter(|_| is_first || self.seen == Some(state));
        self.watchers.insert(number, waker)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("reader", &self.reader).field("watchers", &self.watchers).finish_non_exhaustive()
    }
}

impl Local {
    /// Calls the wakers that have something to see.
    pub(super) fn wake_inner(&self) {
        let reads = match &*self.inner.borrow() {
            None => return,
            Some(inner) => inner.reader.as_ref().map(|(pid, _)| *pid).filter(|_| inner.message.is_none()),
        };
        let message = reads.and_then(|pid| Some((pid, host::receive(pid)?)));
        let state = image_state();
        let woken = self.open(|inner| inner.take_woken(message, state));
        woken.into_iter().for_each(Waker::wake);
    }

    fn open<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(self.inner.borrow_mut().get_or_insert_default())
    }

    /// Sees to it that the task behind `waker` is polled when there is a message for `pid`, the current process. It has seen that there
    /// is none. There is one such task: a mailbox is borrowed mutably by who waits.
    pub(crate) fn wait_for_message(&self, pid: Pid, waker: &Waker) {
        if !is_process_waker(waker) {
            let reader = Some((pid, waker.clone()));
            drop(self.open(|inner| std::mem::replace(&mut inner.reader, reader)));
        }
    }

    fn take_message(&self, pid: Pid) -> Option<RawMessage> {
        let mut inner = self.inner.borrow_mut();
        let taken = inner.as_mut()?.message.take_if(|(of, _)| *of == pid)?;
        Some(taken.1)
    }

    /// Sees to it that the task behind `waker`, whose process ends with it, is polled when the image's state changes.
    #[cfg(feature = "http")]
    pub(crate) fn watch(&self, waker: &Waker) {
        let is_known = match &*self.inner.borrow() {
            None => false,
            Some(inner) => inner.watchers.values().any(|known| known.will_wake(waker)),
        };
        if !is_known {
            self.watch_as(next_number(), image_state(), waker);
        }
    }

    /// The watcher of that number has seen that state.
    fn watch_as(&self, number: u64, state: u32, waker: &Waker) {
        if is_process_waker(waker) {
            return;
        }
        let waker = waker.clone();
        drop(self.open(|inner| inner.watch(number, state, waker)));
    }

    fn unwatch(&self, number: u64) {
        let removed = self.inner.borrow_mut().as_mut().and_then(|inner| inner.watchers.remove(&number));
        drop(removed);
    }
}

/// Never given twice in an image, so that a watch which is dropped in another process takes nothing back there.
fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One future's watch of the image's state, taken back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ImageWatch(Option<u64>);

impl ImageWatch {
    /// The image's state now; the task behind `waker` is polled when it is another. `None`: not in a process.
    pub(crate) fn look(&mut self, waker: &Waker) -> Option<u32> {
        // Read before it is noted as seen: what changes from here on is news.
        let state = image_state();
        with_local(|local| {
            if !is_process_waker(waker) {
                local.watch_as(*self.0.get_or_insert_with(next_number), state, waker);
            }
            state
        })
    }
}

impl Drop for ImageWatch {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            with_local(|local| local.unwatch(number));
        }
    }
}

/// The oldest message of the current process.
///
/// # Panics
/// When `pid` is not the current process.
pub(crate) fn receive(pid: Pid) -> Option<RawMessage> {
    with_local(|local| local.take_message(pid)).flatten().or_else(|| host::receive(pid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{IMAGE_CURRENT, IMAGE_DRAINING, IMAGE_STOPPING};

    fn woken(inner: &mut Inner, state: u32) -> usize {
        inner.take_woken(None, state).len()
    }

    #[test]
    fn watchers_are_woken_by_news_and_by_nothing_else() {
        let mut inner = Inner::default();
        inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
        inner.watch(2, IMAGE_CURRENT, Waker::noop().clone());
        assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
        inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
        assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
        assert_eq!(woken(&mut inner, IMAGE_DRAINING), 2);
        assert_eq!(woken(&mut inner, IMAGE_STOPPING), 0, "they have been woken, and have not looked again");
    }

    #[test]
    fn a_state_that_changes_while_watchers_look_is_news_for_those_who_saw_the_old_one() {
        let mut inner = Inner::default();
        inner.watch(1, IMAGE_CURRENT, Waker::noop().clone());
        inner.watch(2, IMAGE_DRAINING, Waker::noop().clone());
        assert_eq!(woken(&mut inner, IMAGE_DRAINING), 2);
    }

    #[test]
    fn a_reader_is_not_woken_without_a_message() {
        let mut inner = Inner { reader: Some((1, Waker::noop().clone())), ..Inner::default() };
        assert_eq!(woken(&mut inner, IMAGE_CURRENT), 0);
        assert!(inner.reader.is_some());
    }
}

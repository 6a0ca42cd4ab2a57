//! What a process keeps beside its future: messages that were taken out of its mailbox and not read yet, and who inside of it waits for
//! what the host wakes the whole process for.
//!
//! ```text
//! mailbox ── sort ─┬─ an answer, or what a call watches for ─► the call that waits for it; nobody does any more ─► dropped
//!                  └─ any other ─► `saved`, in order ─► receive
//! ```
//!
//! The host wakes a process for a message and when its image's state changes, and does not say which. A future that has the
//! process's own waker looks again at each poll. One inside an executor of its own (`FuturesUnordered`) is polled only when a waker of
//! that executor is called: such wakers are kept here, and called before the process is polled.
//!
//! Invariants:
//! - They are called only when there is something to see. At each poll would be too often: such an executor wakes the process when
//!   it has polled all it has, so the process would never rest.
//! - To see whether there is something the mailbox is emptied: the host wakes only for the first message in an empty one.
//! - What is saved is not read yet, so it takes room in a bounded mailbox (`host::keep`).
//! - A waker's or a message's own code is never run while the cell is borrowed: it may come back here.

use super::calls::Calls;
use super::host::{self, image_state};
use super::message::{Notice, RawMessage};
use super::waker::is_process_waker;
#[cfg(feature = "http")]
use super::watch::next_number;
use crate::abi::{Pid, ProcessShared};
use crate::exit::ExitReason;
use crate::moving::Arrival;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::task::{Poll, Waker};
use std::time::Instant;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Local {
    /// Made for the first thing that is kept: most processes have none.
    inner: RefCell<Option<Box<Inner>>>,
    /// What the last poll was given to count with; for the drop.
    pub(super) shared: Cell<*const ProcessShared>,
    /// The move in which its state was given and not taken back; 0: none.
    leaving: Cell<u64>,
    #[cfg(feature = "tokio")]
    pub(super) tokio: crate::tokio_context::Hold,
}

#[derive(Default)]
struct Inner {
    reader: Option<Reader>,
    saved: VecDeque<RawMessage>,
    calls: Calls,
    /// This process, once somebody has asked.
    pid: Option<Pid>,
    /// Wakes the process for the next call that may have waited long enough.
    patience: Option<(Instant, u64)>,
    /// Wait for a change of the image's state, by the number of their [`ImageWatch`](super::watch::ImageWatch).
    watchers: BTreeMap<u64, Waker>,
    /// The state that all watchers have seen; `None`: not the same.
    seen: Option<u32>,
    /// It was read from its state, and not polled yet.
    arrival: Option<Arrival>,
}

/// Who waits for a message, with a waker of an executor of the process's own.
struct Reader {
    /// This process.
    pid: Pid,
    waker: Waker,
    /// So many of the saved messages it has seen, and does not want.
    seen: usize,
}

impl Inner {
    /// The wakers to call now that the mailbox was sorted, and the image is in that state.
    fn take_woken(&mut self, state: u32) -> Vec<Waker> {
        let mut woken: Vec<Waker> = Vec::new();
        let has_news = |reader: &mut Reader| self.saved.len() > reader.seen;
        woken.extend(self.reader.take_if(has_news).map(|reader| reader.waker));
        let answered = self.calls.iter_mut().filter(|call| call.has_news());
        woken.extend(answered.filter_map(|call| call.waker.take()));
        if self.seen.replace(state) != Some(state) {
            woken.extend(std::mem::take(&mut self.watchers).into_values());
        }
        woken
    }

    /// The process whose mailbox somebody inside of it, with a waker of his own, waits at.
    fn reads(&self) -> Option<Pid> {
        let is_called = || self.calls.iter().any(|call| call.waker.is_some());
        self.reader.as_ref().map(|reader| reader.pid).or_else(|| is_called().then(host::self_pid))
    }

    /// The watcher of that number has seen that state. Returns its earlier waker.
    fn watch(&mut self, number: u64, state: u32, waker: Waker) -> Option<Waker> {
        let is_first = self.watchers.is_empty();
        self.seen = Some(state).filter(|_| is_first || self.seen == Some(state));
        self.watchers.insert(number, waker)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some((_, timer)) = self.patience {
            host::timer_cancel(timer);
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("saved", &self.saved.len())
            .field("watchers", &self.watchers)
            .finish_non_exhaustive()
    }
}

impl Default for Local {
    fn default() -> Self {
        Self {
            inner: RefCell::default(),
            shared: Cell::new(std::ptr::null()),
            leaving: Cell::new(0),
            #[cfg(feature = "tokio")]
            tokio: crate::tokio_context::Hold::default(),
        }
    }
}

impl Local {
    /// Calls the wakers that have something to see.
    #[inline]
    pub(super) fn wake_inner(&self) {
        let reads = match &*self.inner.borrow() {
            None => return,
            Some(inner) => inner.reads(),
        };
        if let Some(pid) = reads {
            self.sort(pid);
        }
        let state = image_state();
        let woken = self.open(|inner| inner.take_woken(state));
        woken.into_iter().for_each(Waker::wake);
    }

    #[inline]
    fn open<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(self.inner.borrow_mut().get_or_insert_default())
    }

    /// Empties the mailbox of `pid`, the current process.
    fn sort(&self, pid: Pid) {
        while let Some(message) = host::keep(pid) {
            self.put(message);
        }
    }

    /// Puts a kept message where it belongs.
    fn put(&self, message: RawMessage) {
        match self.open(|inner| inner.calls.claim(message)) {
            Ok(useless) => {
                host::read_kept(1);
                drop(useless);
            }
            Err(message) => self.open(|inner| inner.saved.push_back(message)),
        }
    }

    /// This process.
    #[inline]
    pub(crate) fn pid(&self) -> Pid {
        self.open(|inner| *inner.pid.get_or_insert_with(host::self_pid))
    }

    /// Sees to it that the task behind `waker`, which is not the process's own, is polled when there is a message for `pid`, the current
    /// process. It has seen that there is none that it wants. There is one such task: a mailbox is borrowed mutably by who waits.
    pub(super) fn wait_for_message(&self, pid: Pid, waker: Waker) {
        drop(self.open(|inner| {
            let seen = inner.saved.len();
            inner.reader.replace(Reader { pid, waker, seen })
        }));
    }

    /// Gives a message to the call that it answers or that watches for it, if there is one; then it may be of no use to that any more.
    #[inline]
    pub(super) fn claim(&self, message: RawMessage) -> Result<Option<RawMessage>, RawMessage> {
        match self.inner.borrow_mut().as_mut() {
            Some(inner) => inner.calls.claim(message),
            None if message.replies_to().is_some() => Ok(Some(message)),
            None => Err(message),
        }
    }

    /// The oldest message that was kept.
    #[inline]
    pub(super) fn take_saved(&self) -> Option<RawMessage> {
        let saved = self.inner.borrow_mut().as_mut().and_then(|inner| inner.saved.pop_front());
        if saved.is_some() {
            host::read_kept(1);
        }
        saved
    }

    /// All messages of `pid`, the current process, that wait, oldest first: until they are given back, nothing here is borrowed.
    pub(super) fn lend(&self, pid: Pid) -> VecDeque<RawMessage> {
        self.sort(pid);
        self.open(|inner| std::mem::take(&mut inner.saved))
    }

    /// The messages that `lend` gave, in front of what has come meanwhile.
    pub(super) fn give_back(&self, mut saved: VecDeque<RawMessage>) {
        self.open(|inner| {
            saved.append(&mut inner.saved);
            inner.saved = saved;
        });
    }

    /// A new call's reference: an answer to it is kept from here on.
    #[inline]
    pub(crate) fn begin_call(&self) -> u64 {
        self.open(|inner| inner.calls.begin())
    }

    /// The answer to a call of `pid`, the current process; `None` when the time is up. Pending: the task behind `waker` is polled when it
    /// comes. The process's own task is polled at `deadline` or before, too.
    pub(crate) fn poll_call(
        &self,
        pid: Pid,
        reference: u64,
        deadline: Instant,
        waker: &Waker,
    ) -> Poll<Option<RawMessage>> {
        self.sort(pid);
        let inner_waker = (!is_process_waker(waker)).then(|| waker.clone());
        let is_own = inner_waker.is_none();
        let (reply, earlier) = self.open(|inner| match inner.calls.get_mut(reference) {
            Some(call) if call.reply.is_some() => (call.reply.take(), None),
            Some(call) => (None, std::mem::replace(&mut call.waker, inner_waker)),
            None => (None, inner_waker),
        });
        drop(earlier);
        if reply.is_some() {
            return Poll::Ready(reply);
        }
        let now = Instant::now();
        if now >= deadline {
            return Poll::Ready(None);
        }
        if is_own {
            self.be_patient(now, deadline, waker);
        }
        Poll::Pending
    }

    /// Sees to it that the process, whose own waker it is, is polled at `deadline` or before. One timer is kept for all calls: as a
    /// rule the answer comes at once, and the timer serves the next call too.
    fn be_patient(&self, now: Instant, deadline: Instant, waker: &Waker) {
        self.open(|inner| {
            if inner.patience.is_some_and(|(until, _)| until <= deadline && until > now) {
                return;
            }
            if let Some((_, timer)) = inner.patience.take() {
                host::timer_cancel(timer);
            }
            let after = u64::try_from(deadline.saturating_duration_since(now).as_nanos()).unwrap_or(u64::MAX);
            inner.patience = Some((deadline, host::timer_start(after, waker)));
        });
    }

    /// An answer to that call is dropped from here on.
    #[inline]
    pub(crate) fn end_call(&self, reference: u64) {
        let call = self.inner.borrow_mut().as_mut().and_then(|inner| inner.calls.end(reference));
        drop(call);
    }

    /// News of that monitor is for that call.
    pub(crate) fn watch_call(&self, reference: u64, monitor: u64) {
        self.open(|inner| inner.calls.watch(reference, monitor));
    }

    /// The end of the process that the call watches, if it has come.
    pub(crate) fn take_down(&self, reference: u64) -> Option<ExitReason> {
        let down = self.open(|inner| inner.calls.get_mut(reference)?.down.take())?;
        match down.notice()? {
            Notice::Down(down) => Some(down.reason),
            Notice::Exit(_) => None,
        }
    }

    /// Nobody wants news of that monitor, of `pid`, any more.
    pub(crate) fn unwatch_call(&self, pid: Pid, monitor: u64) {
        let is_coming = self.open(|inner| inner.calls.unwatch(monitor)) && !host::demonitor(pid, monitor);
        if is_coming {
            self.open(|inner| inner.calls.ignore(monitor));
        }
    }

    /// The last reference that was given to a call.
    pub(crate) fn calls(&self) -> u64 {
        self.inner.borrow().as_ref().map_or(0, |inner| inner.calls.last())
    }

    /// It was read from its state, and is the process from here on; calls are numbered on from where its other image was.
    pub(crate) fn arrive(&self, calls: u64) {
        let arrival = self.open(|inner| {
            inner.calls.number_from(calls);
            inner.arrival.take()
        });
        if let Some(arrival) = arrival {
            arrival.arrived();
        }
    }

    /// To be dropped after all else if it was never polled.
    pub(super) fn take_arrival(&self) -> Option<Arrival> {
        self.inner.borrow_mut().as_mut().and_then(|inner| inner.arrival.take())
    }

    pub(super) fn set_arrival(&self, arrival: Arrival) {
        self.open(|inner| inner.arrival = Some(arrival));
    }

    /// What is saved goes back into the mailbox.
    pub(crate) fn put_back(&self) {
        let saved = self.inner.borrow_mut().as_mut().map(|inner| std::mem::take(&mut inner.saved));
        for message in saved.into_iter().flatten().rev() {
            host::put_back(message);
        }
    }

    /// It has given its state in that move: it is not polled, unless it goes on here.
    pub(crate) fn suspend(&self, number: u64) {
        self.leaving.set(number);
    }

    /// Whether it was suspended by the poll that has ended now.
    pub(super) fn is_suspended(&self) -> bool {
        self.leaving.get() != 0
    }

    /// It goes on here.
    pub(super) fn resume(&self) {
        self.leaving.set(0);
    }

    /// The move by which it has left.
    pub(super) fn left_by(&self) -> u64 {
        self.leaving.get()
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
    pub(super) fn watch_as(&self, number: u64, state: u32, waker: &Waker) {
        if is_process_waker(waker) {
            return;
        }
        let waker = waker.clone();
        drop(self.open(|inner| inner.watch(number, state, waker)));
    }

    pub(super) fn unwatch(&self, number: u64) {
        let removed = self.inner.borrow_mut().as_mut().and_then(|inner| inner.watchers.remove(&number));
        drop(removed);
    }
}

#[cfg(test)]
mod tests;

//! A mailbox: messages of many senders, in each sender's order, for one receiver.
//!
//! ```text
//! open ── push (any thread) ─► `arrived`, newest first ── take (the runner) ─► `ordered`, oldest first ─► message
//! open ── close (the runner) ─► closed: `arrived` = CLOSED, pushes refused, what was there is dropped
//! closed ── reopen (the slot's owner) ─► open
//! ```
//!
//! Invariants: a message is linked by its own `next`, so a push never allocates; `ordered` is the runner's alone.

use super::message::Message;
use plugin_abi::abi::MessageHeader;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Mailbox {
    arrived: AtomicPtr<MessageHeader>,
    ordered: Cell<*mut MessageHeader>,
}

// SAFETY: `arrived` is atomic; `ordered` is touched by `take`, `close` and `reopen` alone, whose contract is that one
// thread at a time calls them, with a happens-before edge between two (the process's state word).
unsafe impl Sync for Mailbox {}
// SAFETY: messages may be dropped and read on any thread (`MessageVtable`'s contract).
unsafe impl Send for Mailbox {}

/// Stands in `arrived` when the mailbox is closed; never dereferenced.
static CLOSED_MARK: u8 = 0;

fn closed() -> *mut MessageHeader {
    (&raw const CLOSED_MARK).cast_mut().cast()
}

impl Mailbox {
    pub(crate) const fn new() -> Self {
        Self { arrived: AtomicPtr::new(ptr::null_mut()), ordered: Cell::new(ptr::null_mut()) }
    }

    /// Puts a message in, or gives it back when the mailbox is closed.
    pub(crate) fn push(&self, message: Message) -> Result<(), Message> {
        let new = message.into_raw();
        let mut head = self.arrived.load(Ordering::Relaxed);
        loop {
            if head == closed() {
                // SAFETY: `new` came from `into_raw` above and was not published.
                return Err(unsafe { Message::from_raw(new) });
            }
            // SAFETY: `new` is ours until the exchange below succeeds.
            unsafe { (*new).next.store(head, Ordering::Relaxed) };
            match self.arrived.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => head = now,
            }
        }
    }

    /// Takes the oldest message out.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn take(&self) -> Option<Message> {
        if self.ordered.get().is_null() {
            let head = self.arrived.load(Ordering::Relaxed);
            if head.is_null() || head == closed() {
                return None;
            }
            let arrived = self.arrived.swap(ptr::null_mut(), Ordering::Acquire);
            // SAFETY: the swap made the whole list ours; it is not the closed mark, since only the runner closes.
            self.ordered.set(unsafe { reversed(arrived) });
        }
        let first = self.ordered.get();
        // SAFETY: a node of our own list, published by its sender's Release and our Acquire.
        self.ordered.set(unsafe { (*first).next.load(Ordering::Relaxed) });
        // SAFETY: unlinked just now: no other path leads to it.
        Some(unsafe { Message::from_raw(first) })
    }

    /// Refuses messages from now on and drops those that are there.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn close(&self) {
        let arrived = self.arrived.swap(closed(), Ordering::AcqRel);
        for mut list in [self.ordered.replace(ptr::null_mut()), arrived] {
            while !list.is_null() && list != closed() {
                // SAFETY: both lists are ours now; each node is unlinked before it is dropped.
                let message = unsafe {
                    let next = (*list).next.load(Ordering::Relaxed);
                    let message = Message::from_raw(list);
                    list = next;
                    message
                };
                drop(message);
            }
        }
    }

    /// Opens it for a new life.
    ///
    /// # Safety
    /// The caller owns the slot: nobody has a reference to the process.
    pub(crate) unsafe fn reopen(&self) {
        self.arrived.store(ptr::null_mut(), Ordering::Relaxed);
        self.ordered.set(ptr::null_mut());
    }
}

/// # Safety
/// The caller owns the list.
unsafe fn reversed(mut list: *mut MessageHeader) -> *mut MessageHeader {
    let mut done = ptr::null_mut();
    while !list.is_null() {
        // SAFETY: by the contract, each node is ours.
        let next = unsafe { (*list).next.swap(done, Ordering::Relaxed) };
        done = list;
        list = next;
    }
    done
}

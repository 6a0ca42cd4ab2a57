//! A mailbox: messages of many senders, in each sender's order, for one receiver.
//!
//! ```text
//! open ── push (any thread) ─► `arrived`, newest first ── take (the runner) ─► `ordered`, oldest first ─► message
//! open ── close (the runner) ─► closed: `arrived` = CLOSED, pushes refused, what was there is dropped
//! closed ── reopen (the slot's owner) ─► open
//! ```
//!
//! Invariants: a message is linked by its own `next`, so a push never allocates; `ordered` is the runner's alone.
//!
//! A push into a mailbox where one is waiting already needs no wake-up: whoever pushed onto the empty one has seen to it, and a
//! receiver that waits has seen it empty.

use super::message::Message;
use crate::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use plugin_abi::abi::MessageHeader;
use std::cell::Cell;
use std::mem::offset_of;
use std::ptr;

/// See the file's head. First what the runner writes, then what senders do: in a process they stand in two cache lines.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Mailbox {
    ordered: Cell<*mut MessageHeader>,
    /// Messages that the process has read in this life: taken out, and not kept for later. Written by the runner.
    taken: AtomicU64,
    arrived: AtomicPtr<MessageHeader>,
    /// Messages put in, modulo 2³²: with `taken`, how many wait.
    pushed: AtomicU32,
    /// So many messages fit in; 0: any number does. Written by the slot's owner.
    limit: AtomicU32,
}

/// Where a message went.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Into an empty mailbox: its process must be woken.
    First,
    /// Behind others, for which it was woken.
    Behind,
}

/// Why a mailbox does not take a message.
#[derive(Debug)]
pub(crate) enum Full {
    /// It holds as many as fit.
    Limit(Message),
    /// It is closed.
    Closed(Message),
}

// SAFETY: `ordered` is touched by `take`, `close` and `reopen` alone, whose contract is that one thread at a time calls
// them, with a happens-before edge between two (the process's state word). The rest is atomic.
unsafe impl Sync for Mailbox {}
// SAFETY: messages may be dropped and read on any thread (`MessageVtable`'s contract).
unsafe impl Send for Mailbox {}

/// Stands in `arrived` when the mailbox is closed; never dereferenced.
static CLOSED_MARK: u8 = 0;

fn closed() -> *mut MessageHeader {
    (&raw const CLOSED_MARK).cast_mut().cast()
}

impl Mailbox {
    /// From here on it is senders who write.
    pub(crate) const SENDERS: usize = offset_of!(Self, arrived);

    pub(crate) fn new() -> Self {
        Self {
            ordered: Cell::new(ptr::null_mut()),
            taken: AtomicU64::new(0),
            arrived: AtomicPtr::new(ptr::null_mut()),
            pushed: AtomicU32::new(0),
            limit: AtomicU32::new(0),
        }
    }

    /// Puts a message in, or gives it back.
    pub(crate) fn push(&self, message: Message) -> Result<Pushed, Full> {
        if self.reserve() { self.link(message) } else { Err(Full::Limit(message)) }
    }

    /// Makes sure of room for one message. False: there is none.
    pub(crate) fn reserve(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        if limit == 0 {
            self.pushed.fetch_add(1, Ordering::Relaxed);
            return true;
        }
        // Counted up only where there is room: a sender that is refused takes no room from another, not even for a moment.
        let mut pushed = self.pushed.load(Ordering::Relaxed);
        while waiting(pushed, self.taken_mod()) < limit {
            match self.pushed.compare_exchange_weak(
                pushed,
                pushed.wrapping_add(1),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => pushed = now,
            }
        }
        false
    }

    /// Gives back what `reserve` gave.
    pub(crate) fn unreserve(&self) {
        self.pushed.fetch_sub(1, Ordering::Relaxed);
    }

    /// Puts a message into the room that `reserve` gave.
    pub(crate) fn push_reserved(&self, message: Message) -> Result<Pushed, Full> {
        self.link(message)
    }

    /// Puts a notice of the host or an answer in, however many messages there are.
    pub(crate) fn push_notice(&self, message: Message) -> Result<Pushed, Full> {
        self.pushed.fetch_add(1, Ordering::Relaxed);
        self.link(message)
    }

    /// Whether none has come since the runner looked, and any number fits in. For anybody: others push and take meanwhile.
    pub(crate) fn awaits_first(&self) -> bool {
        self.arrived.load(Ordering::Relaxed).is_null() && self.limit.load(Ordering::Relaxed) == 0
    }

    /// How many messages there are; while others push and take, nearly.
    pub(crate) fn len(&self) -> u32 {
        waiting(self.pushed.load(Ordering::Relaxed), self.taken_mod())
    }

    /// How many messages the process has read in this life.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    fn taken_mod(&self) -> u32 {
        self.taken() as u32
    }

    fn link(&self, message: Message) -> Result<Pushed, Full> {
        let new = message.into_raw();
        let mut head = self.arrived.load(Ordering::Relaxed);
        loop {
            if head == closed() {
                // SAFETY: `new` came from `into_raw` above and was not published.
                return Err(Full::Closed(unsafe { Message::from_raw(new) }));
            }
            // SAFETY: `new` is ours until the exchange below succeeds.
            unsafe { (*new).next.store(head, Ordering::Relaxed) };
            match self.arrived.compare_exchange_weak(head, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return Ok(if head.is_null() { Pushed::First } else { Pushed::Behind }),
                Err(now) => head = now,
            }
        }
    }

    /// Takes the oldest message out, to be read.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn take(&self) -> Option<Message> {
        // SAFETY: by the contract.
        let message = unsafe { self.keep() }?;
        self.read(1);
        Some(message)
    }

    /// Whether one waits. If not, the next push wakes the process.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn has_more(&self) -> bool {
        !self.ordered.get().is_null() || !self.arrived.load(Ordering::Relaxed).is_null()
    }

    /// Kept messages have been read: they take no room any more. Called by the runner.
    pub(crate) fn read(&self, count: u32) {
        self.taken.store(self.taken() + u64::from(count), Ordering::Relaxed);
    }

    /// Takes the oldest message out, for later: it takes room until it is `read`.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn keep(&self) -> Option<Message> {
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

    /// Puts a message that was kept back, in front of all others.
    ///
    /// # Safety
    /// The caller is the process's runner.
    pub(crate) unsafe fn put_back(&self, message: Message) {
        let first = message.into_raw();
        // SAFETY: ours, just now; and the list behind it is the runner's.
        unsafe { (*first).next.store(self.ordered.get(), Ordering::Relaxed) };
        self.ordered.set(first);
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

    /// Opens it for a new life, for that many messages; 0: any number.
    ///
    /// # Safety
    /// The caller owns the slot: nobody has a reference to the process.
    pub(crate) unsafe fn reopen(&self, limit: u32) {
        self.arrived.store(ptr::null_mut(), Ordering::Relaxed);
        self.ordered.set(ptr::null_mut());
        self.taken.store(0, Ordering::Relaxed);
        self.pushed.store(0, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }
}

/// How many messages wait. One that is read before its push was seen would give a number below zero.
fn waiting(pushed: u32, taken: u32) -> u32 {
    let waiting = pushed.wrapping_sub(taken);
    if waiting > u32::MAX / 2 { 0 } else { waiting }
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

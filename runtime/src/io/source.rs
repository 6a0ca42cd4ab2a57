//! A watched file descriptor.
//!
//! The poller reports edges; a source keeps what they said until a system call answers `EAGAIN`:
//!
//! ```text
//! not ready ── edge: bits |= event, tick += 1, wakers woken ─► ready ── clear(token): tick unchanged? bits &= !event ─► not ready
//! ```
//!
//! The word: generation (32 bits) · tick (16) · bits (4). Invariants:
//! - A token is the word as it was read: an edge that came after it has another tick, and is not cleared with it.
//! - "Closed" bits stay: after a hang-up there will be no other edge.
//! - A waker is stored and the word read again under one lock, which the poller takes after it has set the word: no
//!   edge falls between.
//! - A number outlives its source only by its generation, which then does not match.

use super::poller::POLLER;
use crate::slab::Slab;
use crate::waker::Waker;
use parking_lot::Mutex;
use plugin_abi::abi::{IO_READ, IO_WRITE};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

const READ_CLOSED: u64 = 1 << 2;
const WRITE_CLOSED: u64 = 1 << 3;
const BITS: u64 = 0xF;
const TICK: u64 = 1 << 8;
const TICKS: u64 = 0xFFFF << 8;
const GENERATION: u64 = 1 << 32;
/// Given for a source that is no more: not 0, and matches no word.
const DEAD_TOKEN: u64 = u64::MAX;
const SOURCES_MAX: u32 = 1 << 24;

#[derive(Debug)]
struct Source {
    word: AtomicU64,
    fd: AtomicI32,
    /// The process that registered it; 0: none.
    owner: AtomicU64,
    wakers: Mutex<Wakers>,
}

#[derive(Debug, Default)]
struct Wakers {
    read: Option<Waker>,
    write: Option<Waker>,
}

static SOURCES: LazyLock<Slab<Source>> = LazyLock::new(|| {
    Slab::new(SOURCES_MAX, || Source {
        word: AtomicU64::new(GENERATION),
        fd: AtomicI32::new(-1),
        owner: AtomicU64::new(0),
        wakers: Mutex::new(Wakers { read: None, write: None }),
    })
});

fn id(index: u32, word: u64) -> u64 {
    (word & !(GENERATION - 1)) | u64::from(index)
}

/// The source of that number, and its word, if it is still that source.
fn find(source: u64) -> Option<(&'static Source, u64)> {
    let slot = SOURCES.get(source as u32)?;
    let word = slot.word.load(Ordering::Acquire);
    (word >> 32 == source >> 32).then_some((slot, word))
}

/// Watches a descriptor, which the caller keeps open until it has deregistered it; in the name of the process `owner`, if it is not 0.
pub(crate) fn register(fd: BorrowedFd<'_>, owner: u64) -> Result<u64, Errno> {
    let (index, slot) = SOURCES.allocate().ok_or(Errno::NFILE)?;
    slot.fd.store(fd.as_raw_fd(), Ordering::Relaxed);
    slot.owner.store(owner, Ordering::Relaxed);
    let source = id(index, slot.word.load(Ordering::Relaxed));
    if let Err(error) = POLLER.add(fd, source) {
        SOURCES.free(index);
        return Err(error);
    }
    Ok(source)
}

/// Ends the watch and returns the descriptor. `None`: there is none of that number.
pub(crate) fn deregister(source: u64) -> Option<RawFd> {
    let (slot, word) = find(source)?;
    let next = id(0, word).wrapping_add(GENERATION).max(GENERATION);
    // Whoever moves the generation on is the one who ends it.
    slot.word.try_update(Ordering::AcqRel, Ordering::Acquire, |now| (now >> 32 == word >> 32).then_some(next)).ok()?;
    let fd = slot.fd.load(Ordering::Relaxed);
    POLLER.delete(fd);
    let wakers = std::mem::take(&mut *slot.wakers.lock());
    slot.owner.store(0, Ordering::Relaxed);
    SOURCES.free(source as u32);
    drop(wakers);
    Some(fd)
}

/// The numbers of all sources that a process has.
pub(super) fn of_owner(owner: u64) -> Vec<u64> {
    // Read on both sides of the word: the slot may be given to another meanwhile.
    let is_own = |source: &Source| source.owner.load(Ordering::Acquire) == owner;
    let own = SOURCES.iter().filter(|(_, source)| is_own(source));
    own.map(|(index, source)| (source, id(index, source.word.load(Ordering::Acquire))))
        .filter(|(source, _)| is_own(source))
        .map(|(_, id)| id)
        .collect()
}

fn is_ready(word: u64, interest: u32) -> bool {
    let closed = match interest {
        IO_READ => READ_CLOSED,
        IO_WRITE => WRITE_CLOSED,
        _ => READ_CLOSED | WRITE_CLOSED,
    };
    word & (u64::from(interest) | closed) != 0
}

/// A token when ready; else 0, and the waker that `waker` makes is kept. The source is `owner`'s from here on, who asks.
pub(crate) fn ready(source: u64, interest: u32, owner: u64, waker: impl FnOnce() -> Waker) -> u64 {
    let Some((slot, word)) = find(source) else { return DEAD_TOKEN };
    slot.owner.store(owner, Ordering::Release);
    if is_ready(word, interest) {
        return word;
    }
    let waker = waker();
    let mut wakers = slot.wakers.lock();
    let word = slot.word.load(Ordering::Acquire);
    if word >> 32 != source >> 32 {
        return DEAD_TOKEN;
    }
    if is_ready(word, interest) {
        return word;
    }
    let place = if interest == IO_WRITE { &mut wakers.write } else { &mut wakers.read };
    let earlier = place.replace(waker);
    drop(wakers);
    // A foreign waker's drop runs foreign code: not under the lock.
    drop(earlier);
    0
}

/// Not ready any more, unless something came after the token was given.
pub(crate) fn clear(source: u64, interest: u32, token: u64) {
    let Some((slot, _)) = find(source) else { return };
    let seen = token & !BITS;
    let _: Result<u64, u64> = slot.word.try_update(Ordering::AcqRel, Ordering::Acquire, |now| {
        (now & !BITS == seen).then_some(now & !u64::from(interest & (IO_READ | IO_WRITE)))
    });
}

/// The poller saw an edge. Returns whom to wake.
pub(super) fn edge(source: u64, flags: EventFlags) -> [Option<Waker>; 2] {
    let Some((slot, _)) = find(source) else { return [None, None] };
    let bits = bits_of(flags);
    let set = slot.word.try_update(Ordering::AcqRel, Ordering::Acquire, |now| {
        let tick = now.wrapping_add(TICK) & TICKS;
        (now >> 32 == source >> 32).then_some((now & !TICKS) | tick | bits)
    });
    if set.is_err() {
        return [None, None];
    }
    let mut wakers = slot.wakers.lock();
    let read = if is_ready(bits, IO_READ) { wakers.read.take() } else { None };
    let write = if is_ready(bits, IO_WRITE) { wakers.write.take() } else { None };
    [read, write]
}

fn bits_of(flags: EventFlags) -> u64 {
    let mut bits = 0;
    if flags.intersects(EventFlags::IN | EventFlags::PRI) {
        bits |= u64::from(IO_READ);
    }
    if flags.contains(EventFlags::OUT) {
        bits |= u64::from(IO_WRITE);
    }
    if flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR) {
        bits |= READ_CLOSED;
    }
    if flags.intersects(EventFlags::HUP | EventFlags::ERR) {
        bits |= WRITE_CLOSED;
    }
    bits
}

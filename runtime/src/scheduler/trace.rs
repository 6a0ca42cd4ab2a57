//! Traces: what a process gets, sends and does is noted while somebody listens.
//!
//! ```text
//! free ─ begin (who listens) ─► noted: what happens to that pid goes into the slot's ring ─ the Trace is dropped ─► free
//! ```
//!
//! Nothing of this stands in a process: where something happens that can be traced, one word is read that is the same for all and changes
//! only with a trace ([`is_on`]); so when nobody listens there is nothing to clear away, and a process that moves, ends or is killed needs no
//! care. While somebody does, the word's bits say for one in 64 of all processes, by their slots, that its pid may be among [`TRACES_MAX`]: the others are
//! done with that ([`may_be_of`]).
//!
//! Invariants: a ring holds [`RING_LEN`] events, what does not fit is counted; events stand in the order of their times, since both are made
//! under the ring's lock; that lock is the last one taken, and nothing is allocated or called while it is held.

use crate::process::{Pid, Reason};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many traces at a time.
pub(crate) const TRACES_MAX: usize = 8;
/// So many events wait to be read.
const RING_LEN: usize = 4096;

/// A bit for each slot's last six: whether somebody listens to one of those. Changed under the lock, with [`TRACED`].
static LISTENED: AtomicU64 = AtomicU64::new(0);
static CHANGES: Mutex<()> = Mutex::new(());
/// To whom: the pids of the rings beside.
static TRACED: [AtomicU64; TRACES_MAX] = [const { AtomicU64::new(0) }; TRACES_MAX];
static RINGS: [Mutex<Option<Ring>>; TRACES_MAX] = [const { Mutex::new(None) }; TRACES_MAX];

/// What happens to a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A message is put into its mailbox, by a process or the node.
    Arrived(&'static str, Option<Pid>),
    /// It takes a message out.
    Received(&'static str),
    /// It sends a message.
    Sent(&'static str, Pid),
    /// The message that it has just sent, or that has just arrived, was not delivered.
    Refused(&'static str),
    /// A poll has ended: how long it took, and what it came to.
    Polled(Duration, &'static str),
    Spawned(Pid),
    Linked(Pid),
    Unlinked(Pid),
    Monitors(Pid),
    Demonitors(Pid),
    MonitoredBy(Pid),
    ExitSignal(Option<Pid>, Reason),
    Ended(Reason),
}

/// With the time since the trace began.
pub(crate) type Event = (Duration, Happened);

/// What has happened and was not read yet.
#[derive(Debug)]
struct Ring {
    pid: Pid,
    begun: Instant,
    events: Vec<Event>,
    lost: u64,
}

/// Somebody listens, until it is dropped.
#[derive(Debug)]
pub(crate) struct Trace(usize);

impl Trace {
    /// `None`: [`TRACES_MAX`] do already.
    pub(crate) fn begin(pid: Pid) -> Option<Self> {
        let slot = RINGS.iter().position(|ring| {
            let new = Ring { pid, begun: Instant::now(), events: Vec::with_capacity(RING_LEN), lost: 0 };
            let mut ring = ring.lock();
            let is_free = ring.is_none();
            if is_free {
                *ring = Some(new);
            }
            is_free
        })?;
        listen(slot, pid);
        Some(Self(slot))
    }

    /// What has happened since it was asked last, in order, and how much more, after it, that did not fit.
    pub(crate) fn take(&self) -> (Vec<Event>, u64) {
        let mut room = Vec::with_capacity(RING_LEN);
        let mut ring = RINGS[self.0].lock();
        let Some(ring) = ring.as_mut() else { return (room, 0) };
        std::mem::swap(&mut room, &mut ring.events);
        (room, std::mem::take(&mut ring.lost))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        listen(self.0, Pid::NONE);
        let ring = RINGS[self.0].lock().take();
        drop(ring);
    }
}

/// Says for whom a slot's ring is.
fn listen(slot: usize, pid: Pid) {
    let _changing = CHANGES.lock();
    TRACED[slot].store(pid.get(), Ordering::Relaxed);
    let pids = TRACED.iter().map(|traced| Pid::from_raw(traced.load(Ordering::Relaxed)));
    LISTENED.store(pids.filter(|pid| *pid != Pid::NONE).fold(0, |bits, pid| bits | bit(pid)), Ordering::Relaxed);
}

fn bit(pid: Pid) -> u64 {
    1 << (pid.slot() % u64::BITS)
}

/// Whether anybody listens to any process: asked first, wherever something happens.
#[inline]
pub(crate) fn is_on() -> bool {
    LISTENED.load(Ordering::Relaxed) != 0
}

/// False: nobody listens to that process.
#[inline]
pub(crate) fn may_be_of(pid: Pid) -> bool {
    LISTENED.load(Ordering::Relaxed) & bit(pid) != 0
}

/// For those who listen to that process.
#[inline]
pub(crate) fn note(pid: Pid, happened: impl Fn() -> Happened) {
    if may_be_of(pid) {
        note_in_rings(pid, happened);
    }
}

#[cold]
fn note_in_rings(pid: Pid, happened: impl Fn() -> Happened) {
    for (traced, ring) in TRACED.iter().zip(&RINGS) {
        if traced.load(Ordering::Relaxed) != pid.get() {
            continue;
        }
        let event = happened();
        let mut ring = ring.lock();
        // It may be another's by now.
        let Some(ring) = ring.as_mut().filter(|ring| ring.pid == pid) else { continue };
        if ring.events.len() == RING_LEN {
            ring.lost += 1;
        } else {
            ring.events.push((ring.begun.elapsed(), event));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test: there is one table for all.
    #[test]
    fn a_trace_has_what_fits_in_order_and_leaves_nothing() {
        let (own, other) = (Pid::new(7, 1), Pid::new(7, 2));
        note(own, || unreachable!("nobody listens"));
        let trace = Trace::begin(own).expect("room");
        assert!(is_on() && may_be_of(own) && !may_be_of(Pid::new(8, 1)));
        note(other, || unreachable!("another life in the slot"));
        for n in 0..RING_LEN + 3 {
            note(own, || Happened::Linked(Pid::new(n as u32, 1)));
        }
        let (events, lost) = trace.take();
        assert_eq!((events.len(), lost), (RING_LEN, 3));
        assert!(events.is_sorted_by_key(|(at, _)| *at));
        let first = |n: u32| Happened::Linked(Pid::new(n, 1));
        assert!(events.iter().zip(0..).all(|((_, event), n)| *event == first(n)));
        assert_eq!(trace.take(), (Vec::new(), 0));
        let more: Vec<_> = (1..TRACES_MAX).map(|_| Trace::begin(own).expect("room")).collect();
        assert!(Trace::begin(other).is_none());
        note(own, || Happened::Refused("why"));
        assert!(more.iter().chain([&trace]).all(|trace| trace.take().0.len() == 1), "each has its own");
        drop((more, trace));
        assert!(!is_on() && RINGS.iter().all(|ring| ring.lock().is_none()));
        note(own, || unreachable!("nobody listens any more"));
    }
}

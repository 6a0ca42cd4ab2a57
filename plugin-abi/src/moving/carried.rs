//! What a state holds that is more than bytes: it exists once, though the state is written and read.
//!
//! ```text
//! own ─ written in move n ─► left by n ─┬─ its process has moved: dropped, and not touched
//!                                       └─ its process stays ─► as good as own
//! read in move m ─► came by m ─┬─ its process arrives ─► own
//!                              └─ dropped before: not touched
//! ```
//!
//! Moves are numbered within an image. A written value that is dropped with its process's future is dropped while [`dropping`] says in
//! which move; a read one knows by [`Arrival`] whether its process has arrived.

use crate::alloc::undisturbed;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A value's part in moves. In the word: 0, own; else the number of a move, shifted left, and [`CAME`].
#[derive(Debug, Default)]
pub(crate) struct Carried(AtomicU64);

const CAME: u64 = 1;

/// A value that lives in one process at a time was written or read outside of an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotMoving;

impl fmt::Display for NotMoving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no message: it moves with its process only, by an upgrade")
    }
}

thread_local! {
    /// The move for which a state is being written, read, or dropped; 0: none.
    static WRITING: Cell<u64> = const { Cell::new(0) };
    static READING: Cell<u64> = const { Cell::new(0) };
    static DROPPING: Cell<u64> = const { Cell::new(0) };
}

/// Moves whose process has not arrived yet.
static ON_THEIR_WAY: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// A process that was stopped in here would hold up all others that move.
fn on_their_way<R>(act: impl FnOnce(&mut BTreeSet<u64>) -> R) -> R {
    undisturbed(|| act(&mut ON_THEIR_WAY.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Never given twice in an image.
fn next_move() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Until dropped, `cell` says that number.
struct Within(&'static std::thread::LocalKey<Cell<u64>>, u64);

impl Within {
    fn begin(cell: &'static std::thread::LocalKey<Cell<u64>>, number: u64) -> Self {
        Self(cell, cell.replace(number))
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

impl Carried {
    /// It is being written, with its process's state.
    pub(crate) fn leave(&self) -> Result<(), NotMoving> {
        match WRITING.get() {
            0 => Err(NotMoving),
            // One that was read for a conversion, to be written as another version: the process's own has left already.
            _ if !self.is_ours() => Ok(()),
            number => {
                self.0.store(number << 1, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// It has been read, with its process's state.
    pub(crate) fn arrive() -> Result<Self, NotMoving> {
        match READING.get() {
            0 => Err(NotMoving),
            number => Ok(Self(AtomicU64::new(number << 1 | CAME))),
        }
    }

    /// False: another is the one, and this is not to be touched.
    pub(crate) fn is_ours(&self) -> bool {
        let word = self.0.load(Ordering::Relaxed);
        if word == 0 {
            true
        } else if word & CAME == 0 {
            word >> 1 != DROPPING.get()
        } else {
            !on_their_way(|moves| moves.contains(&(word >> 1)))
        }
    }
}

/// Writes a state: the number of the move, and what `write` gives.
pub(super) fn writing<R>(write: impl FnOnce() -> R) -> (u64, R) {
    let number = next_move();
    let _within = Within::begin(&WRITING, number);
    (number, write())
}

/// Drops what has moved in that move.
pub(crate) fn dropping<R>(number: u64, drop: impl FnOnce() -> R) -> R {
    let _within = Within::begin(&DROPPING, number);
    drop()
}

/// A process that was read from its state: on its way until [`Arrival::arrived`] is called, or this is dropped, which must be after the
/// process's state.
#[derive(Debug)]
pub(crate) struct Arrival(u64);

impl Arrival {
    /// Reads a state.
    pub(crate) fn reading<R>(read: impl FnOnce() -> R) -> (Self, R) {
        let arrival = Self(next_move());
        on_their_way(|moves| moves.insert(arrival.0));
        let _within = Within::begin(&READING, arrival.0);
        let read = read();
        (arrival, read)
    }

    /// It is polled: it is the process now.
    pub(crate) fn arrived(self) {
        drop(self);
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        on_their_way(|moves| moves.remove(&self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_written_is_its_process_s_unless_that_has_moved() {
        let value = Carried::default();
        assert!(value.is_ours());
        assert_eq!(value.leave(), Err(NotMoving), "outside of a move");
        let (copied, left) = writing(|| value.leave());
        assert_eq!(left, Ok(()));
        assert!(value.is_ours(), "it stays as long as its process does");
        let (moved, left) = writing(|| value.leave());
        assert_eq!(left, Ok(()));
        assert!(dropping(copied, || value.is_ours()), "that was a copy");
        assert!(!dropping(moved, || value.is_ours()));
    }

    #[test]
    fn a_value_that_was_read_to_be_written_as_another_version_is_nobody_s() {
        let (_, (arrival, copy)) = writing(|| {
            let (arrival, copy) = Arrival::reading(Carried::arrive);
            let copy = copy.expect("in a move");
            assert_eq!(copy.leave(), Ok(()));
            (arrival, copy)
        });
        assert!(!copy.is_ours());
        arrival.arrived();
    }

    #[test]
    fn a_value_that_was_read_is_its_process_s_once_that_has_arrived() {
        assert!(Carried::arrive().is_err(), "outside of a move");
        let (arrival, value) = Arrival::reading(Carried::arrive);
        let value = value.expect("in a move");
        assert!(!value.is_ours());
        let (_copy, other) = Arrival::reading(Carried::arrive);
        arrival.arrived();
        assert!(value.is_ours() && !other.expect("in a move").is_ours());
    }
}

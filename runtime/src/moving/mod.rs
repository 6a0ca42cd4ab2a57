//! Moving processes to another image: the same pid, mailbox, links, monitors, timers, names and sockets; another build's code.
//!
//! ```text
//!           ┌─ too late, or dead ─► over
//! asked ────┤                     ┌─ cannot be restored: goes on where it was ─► over
//!  (flag)   └─ boundary: given ───┤
//!                                 └─ restored by a helper ─┬─ copy: thrown away ─► over
//!                                                          └─ put in its place: goes on there ─► over
//! ```
//!
//! At a [`barrier`] each stands still from `given` on until all are restored; then all are put in their places.
//!
//! What the plugin does for it (`plugin-abi/src/moving`): at a boundary of its own loop a process that is asked writes its state. For a
//! copy it goes straight on. For the state itself it is suspended: to its scheduler it is running, so that nobody polls it and what wakes
//! it is remembered; it is the mover's until [`scheduler::resume`].
//!
//! A state is restored by a *helper*: a process of the node's own that calls the other image. So a conversion that hangs, overflows its
//! stack or panics is contained as in any process, and one that takes too long or too much memory is killed.
//!
//! Invariants:
//! - A process has one move at a time, in the book ([`book`]): batches are run one after the other, and return when all their moves are over.
//! - Who turns a move's phase from `Standing` or `Given` to another one, but for the helper that begins, resumes its process: the helper, or the batch that
//!   gives up waiting for it. One that is given up before its turn is over goes on when it is.
//! - No phase is waited for without a bound ([`Limits`]).
//! - No plugin's code runs while a lock is held. The future before is dropped when its process is on its way again.
//! - Messages are not touched: those of another image are translated when they are taken out of the mailbox.
#![expect(unsafe_code, reason = "futures cross the ABI, and are put into processes")]

mod barrier;
mod batch;
mod book;
mod helper;
mod pauses;
mod single;

pub(crate) use barrier::cross;
pub(crate) use batch::{Batch, Limits, Report};
pub(crate) use book::{give, wanted};
pub(crate) use single::Want;

use crate::scheduler;

/// Begins to listen for processes that have suspended themselves, once.
pub(crate) fn start() {
    scheduler::set_mover(book::suspended);
}

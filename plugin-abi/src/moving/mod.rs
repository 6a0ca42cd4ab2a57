//! How a process moves to another image: the next version of its plugin, or the one before.
//!
//! ```text
//! runs ─ asked ─► boundary ─┬─ a copy is wanted (rehearsal): written ─► runs
//!                           └─ the state is wanted: written ─► suspended ─┬─ restored on the other image, which goes on ─► dropped here
//!                                                                         └─ it must stay after all ─► runs
//! other image: state read ─► restored ─┬─ first poll ─► runs
//!                                      └─ dropped: it was a copy, or the process has stayed where it was
//! ```
//!
//! A *boundary* is a place in a process's own loop where all that it is, is in its declared [`State`](crate::state::State), and in the few
//! things beside it that the loop writes too.
//!
//! Invariants:
//! - A process is written at a boundary only, between two of its callbacks.
//! - At each time one of the two futures is *the* process. What is more than bytes, such as a socket ([`Carried`]), belongs to that one:
//!   the other is dropped without touching it.
//! - To write a state and to read one changes nothing else: each may be done for a copy that is thrown away.

mod boundary;
mod carried;
mod types;
mod written;

pub(crate) use boundary::{Asked, asked, done, give, give_as, is_asked};
pub(crate) use carried::{Arrival, Carried, NotMoving, dropping};
pub use types::MovingType;
pub(crate) use types::{find, of_type, set_types};
pub(crate) use written::{Written, moving_type};

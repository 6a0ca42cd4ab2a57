//! Upgrades: how another image becomes the current one, whole or not at all.
//!
//! ```text
//! idle ─ begin ─► check ─► prepare ─► rehearse ─► switch ─► move ─► commit ─► idle     what does not move drains on its own
//!                   └────────┴───────────┴─ refused:          └────────┴─ roll-back ─► idle
//!                                           nothing has changed
//! ```
//!
//! - `check`: manifest, hash, and the file's declaration. No code of the plugin has run.
//! - `prepare`: load, initialise, make the root process's future, bind new listeners. Each can fail, and then the old version serves on,
//!   untouched; what was loaded stays mapped, unused.
//! - `rehearse`: each process that is to move gives a copy of its state, which the new image restores, and the old one again.
//! - `switch`: one pointer: new processes start on the new image. Then its listeners.
//! - `move`: each process that can moves to the new image, one after the other. If one cannot after all, or the record cannot be written,
//!   all come back: the pointer first, then those that had moved.
//! - `commit`: the record says which release boots from now on. Then listeners that are not declared any more are closed, the new root
//!   process starts unless the old one has moved, and the old image's processes hear that they drain.
//!
//! One at a time; an upgrade runs on a thread of its own, so the death of the client that asked for it changes nothing.

mod candidate;
mod declared;
mod moves;
mod progress;
mod transaction;
mod versions;

pub(crate) use progress::Seen;
pub(crate) use transaction::boot;
pub(crate) use versions::{Versions, draining};

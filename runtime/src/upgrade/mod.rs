//! Upgrades: how another image becomes the current one, whole or not at all.
//!
//! ```text
//! idle ─ begin ─► check ─► prepare ─► switch ─► idle       old processes drain on their own from here on
//!                   └────────┴─ refused: nothing has changed
//! ```
//!
//! - `check`: manifest, hash, and the file's declaration. No code of the plugin has run.
//! - `prepare`: load, initialise, make the root process's future, bind new listeners, write which release boots. Each can
//!   fail, and then the old version serves on, untouched; what was loaded stays mapped, unused.
//! - `switch`: one pointer. Cannot fail. Then listeners, then the old image's processes hear that they drain.
//!
//! One at a time; an upgrade runs on a thread of its own, so the death of the client that asked for it changes nothing.

mod journal;
mod progress;
mod transaction;

pub(crate) use progress::Seen;
pub(crate) use transaction::{Versions, boot, draining};

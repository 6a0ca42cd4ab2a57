//! Upgrades: how another image becomes the current one, whole or not at all.
//!
//! ```text
//! idle ─ begin ─► check ─► before ─► prepare ─► switch ─► after ─► idle      old processes drain on their own from the switch on
//!                   └────────┴─────────┴─ refused: nothing has changed
//! ```
//!
//! Each step stands in the record before it is taken.
//!
//! - `check`: manifest, hash, and the file's declaration. No code of the plugin has run.
//! - `before`, `after`: the hooks of the node's folder, when there are any.
//! - `prepare`: load, initialise, make the root process's future, bind new listeners, write which release boots. Each can
//!   fail, and then the old version serves on, untouched; what was loaded stays mapped, unused.
//! - `switch`: one pointer. Cannot fail. Then listeners, then the old image's processes hear that they drain.
//!
//! One at a time; an upgrade runs on a thread of its own, so the death of the client that asked for it changes nothing.

mod around;
mod journal;
mod progress;
mod transaction;

pub(crate) use progress::Seen;
pub(crate) use transaction::{Versions, boot, draining};

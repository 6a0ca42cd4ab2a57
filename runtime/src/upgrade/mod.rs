//! Upgrades: how another image becomes the current one, whole or not at all.
//!
//! ```text
//! idle ─► check ─► before ─► prepare ─► rehearse ─► switch ─► move ─► health ─► probation ─► commit ─► idle    what has not moved drains
//!           └─────────┴─────────┴──────────┴─ refused:          └─────────┴─────────┴────────────┴─ roll-back ─► idle
//!                                             nothing has changed
//! ```
//!
//! Each step stands in the record before it is taken. A node that dies meanwhile boots in the permanent release, which is the one before until
//! `commit`.
//!
//! - `check`: manifest, hash, and the file's declaration. No code of the plugin has run. From these and from what the node is, all else is
//!   planned ([`plan`]), and the steps that are planned are taken, no others: `upgrade --dry-run` prints the same plan.
//! - `before`: the hook of the node's folder, if there is one; `after`, beside all this, hears what came of it.
//! - `prepare`: try the initialisation in an OS process of its own ([`trial`]), load, initialise, make the root process's future, bind new listeners. Each can fail, and then the old version serves on,
//!   untouched; what was loaded stays mapped, unused. It has limited time.
//! - `rehearse`: each process that is to move gives a copy of its state, which the new image restores, and the old one again.
//! - `switch`: one pointer: new processes start on the new image. Then its listeners. For versions that must not meet, by choice of the release, the
//!   processes that can move do so in this step, at a barrier: all stand still, the pointer changes, all go on. If one cannot, nothing has changed.
//! - `move`: each process that can moves to the new image, a few at a time; then a tree that has moved starts what the new version has added to
//!   it. If one cannot after all, all come back: the pointer first, then those that had moved, and the tree stops what it had started.
//! - `health`: the checks that the new version declares ([`health`]).
//! - `probation`, if one is asked for ([`probation`]): the new version is in effect as it is after a commit, but what boots is the one before, and
//!   no listener is closed yet. Meanwhile no other upgrade begins.
//! - `commit`: the record says which release boots from now on, and that the upgrade is done: at once, or not at all. Then listeners that
//!   are not declared any more are closed, the root process that has moved settles its tree, or the new one starts, and the old image's processes
//!   hear that they drain.
//!
//! One at a time; an upgrade runs on a thread of its own, so the death of the client that asked for it changes nothing.

mod around;
mod attempt;
mod back;
mod candidate;
mod change;
mod contained;
mod drain;
mod gather;
mod health;
mod journal;
mod moves;
mod plan;
mod prepare;
mod probation;
mod progress;
mod step;
mod swap;
mod tally;
mod transaction;
mod tree;
mod trial;
mod versions;
mod within;

pub(crate) use change::{Change, set_on_change};
pub(crate) use drain::status as drain_status;
pub(crate) use progress::Seen;
pub(crate) use tally::{crashes, outcomes, pauses};
pub(crate) use transaction::{Begun, Wish, boot};
pub(crate) use versions::{Versions, draining};

//! Nodes on other machines, by the system's `ssh`.
//!
//! ```text
//! upgrade, deploy:  look ─► is it a node, and of this kind? ─► send what is missing ─► bin/<name> upgrade --release, there ─► its events, its outcome
//! all others:       bin/<name> …, there: its streams and its exit code
//! ```
//!
//! Nothing of ours has to be there before: the other side is a shell with coreutils, and then the release's own command, of whatever version, which decides
//! what it takes, as if it were called there by hand. An upgrade goes on when the connection breaks, and is joined again.
//!
//! Absent on purpose: a daemon of our own on the other side, another protocol than these two, and anything that makes ssh trust more than it does.

mod address;
mod attach;
mod look;
mod script;
mod send;
mod ssh;
mod start;

pub(crate) use address::Address;
pub(crate) use attach::{Asked, Heard};
pub(crate) use look::Look;
pub(crate) use send::{Parcel, Sent, Step};
pub(crate) use ssh::Connection;
pub(crate) use start::Starting;

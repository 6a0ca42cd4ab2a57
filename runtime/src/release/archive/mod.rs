//! A release as one file, `<name>-<version>.tar.zst`.
//!
//! ```text
//! releases/<version>/manifest.json            first: it says what else there is
//! releases/<version>/manifest.json.minisig    when the release is signed
//! bin/… lib/… releases/… runtime/…            the manifest's files, in its order
//! releases/RELEASES                           so that what tar unpacks can be started
//! ```
//!
//! - Packing is deterministic: the same release gives the same bytes. Order, times, owners and modes are fixed.
//! - Unpacking takes nothing that the manifest does not name, reads nothing beyond the sizes that it names, and leaves nothing behind when anything is
//!   wrong. Whatever else tar can hold (links, devices, long names, sparse files) is refused.

mod error;
mod pack;
mod unpack;

pub use error::{ArchiveError, Reason};
pub use pack::pack;
pub use unpack::{TAKEN, Unpacked, Wanted, unpack};

#[cfg(test)]
mod tests;

//! Releases on disk.

pub mod layout;
pub mod manifest;
pub mod store;

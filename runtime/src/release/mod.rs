//! Releases on disk.

pub mod check;
pub mod layout;
pub mod manifest;
pub mod store;

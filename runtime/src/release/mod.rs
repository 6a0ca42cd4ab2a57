//! Releases on disk.

pub mod check;
mod error;
mod files;
pub mod history;
pub mod hooks;
pub mod layout;
pub mod manifest;
pub mod record;
pub mod settings;
pub mod store;

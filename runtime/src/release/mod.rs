//! Releases on disk.

pub mod archive;
pub mod check;
mod clean;
pub mod config;
mod error;
mod files;
mod folders;
pub mod history;
pub mod hooks;
pub mod keys;
pub mod layout;
pub mod manifest;
pub(crate) mod os_process;
mod plugins;
pub mod record;
pub mod retention;
pub mod settings;
pub mod signature;
pub mod store;

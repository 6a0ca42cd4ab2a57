//! Images: loaded builds of a plugin.
//!
//! ```text
//! file ─ inspect ─► facts ─ load ─► image (initialised) ─ switch ─► current ─ switch to another ─► draining ─► drained
//! ```
//!
//! An image is never unloaded: a thread-local destructor, a waker or a `&'static` of it may be called at any time later.
#![expect(unsafe_code, reason = "loads foreign code and calls it; what it promises is the ABI's contract")]

mod application;
mod exported;
mod inspect;
mod load;
mod text;

pub(crate) use application::{Configured, Declared, State};
pub(crate) use exported::is_taken;
pub(crate) use inspect::hash_file;
pub use inspect::{InspectError, PluginFacts, inspect, inspect_whole};
pub(crate) use load::{AGAIN, Image, all, find, host, load, set_log_level};
/// The target triple of this runtime, and of the plugins that it takes.
pub use plugin_abi::abi::TARGET;
pub(crate) use text::{is_plugin_code, place_of};

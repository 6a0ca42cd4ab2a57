//! Listening sockets, which belong to the node, and the image that new connections go to.

mod current;
mod listener;
mod plan;

pub(crate) use current::{Running, current, first, name_now, set_current};
pub(crate) use listener::{Bound, serve};
pub use plan::ListenOverride;
pub(crate) use plan::{Change, Listeners, Places, Prepared, changes};

//! The control socket: a node's ear for its operator.

mod applications;
mod connection;
mod history;
mod inside;
mod peer;
mod places;
mod server;
mod status;
mod talk;

pub use crate::protocol;
pub(crate) use applications::open_inside;
pub(crate) use server::{Controlled, Server, StopRequest};
pub(crate) use status::status;

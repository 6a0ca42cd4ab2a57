//! The SDK's unsafe island: what crosses to the host and back. Everything outside of it is safe Rust.
//!
//! - `host.rs`: the host's table as safe functions; `log.rs`: those for its log.
//! - `entry.rs`: `init`, and the functions of the application.
//! - `console.rs`: those for the node's console.
//! - `future.rs`: a future as a process.
//! - `local.rs`: what a process keeps beside its future.
//! - `receive.rs`: receiving; `saved.rs`: selective receive.
//! - `waker.rs`: wakers, both ways.
//! - `watch.rs`: a future's watch of its image's state.
//! - `message.rs`: messages, both ways; `boxed.rs`: what they lie in.
//! - `node.rs`: what the node says of itself.
//! - `read.rs`: reading into memory that is not initialised.
#![expect(unsafe_code, reason = "the doors to the host")]

mod boxed;
mod calls;
mod console;
mod entry;
mod future;
mod host;
mod local;
mod log;
mod message;
mod node;
mod read;
mod receive;
mod saved;
mod waker;
mod watch;

pub(crate) use entry::init;
pub(crate) use future::{into_process, set_arrival, shared, with_local};
pub(crate) use host::*;
pub(crate) use local::Local;
pub(crate) use log::{Event, log, log_enabled, log_level};
pub(crate) use message::{
    Messages, NoMessages, Notice, RawMessage, Received, Takes, from_raw, from_reply, into_raw, into_reply,
};
pub(crate) use node::{inside, name_of, node_info};
pub(crate) use read::{Attempt, read};
pub(crate) use receive::{receive, receive_to_wait, wait_for_message};
pub(crate) use saved::Saved;
pub(crate) use waker::is_process_waker;
pub(crate) use watch::ImageWatch;

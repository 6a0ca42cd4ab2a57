//! The stable C ABI between the cargo-system runtime and its plugins ([`abi`]), and the safe SDK that plugins are
//! written in (everything else).
//!
//! A plugin is a `cdylib` crate with one function that says what the application is:
//!
//! ```
//! #![forbid(unsafe_code)]
//! use plugin_abi::{Application, net::TcpStream};
//! use tokio::io::AsyncWriteExt as _;
//!
//! plugin_abi::application!(app);
//!
//! fn app() -> Application {
//!     Application::new().listen("greet", "127.0.0.1:4000", |mut stream: TcpStream| async move {
//!         let _ = stream.write_all(b"hello\n").await;
//!     })
//! }
//! # fn main() {}
//! ```
//!
//! Everything else here is for code that runs in a process: outside of a node these functions panic, and say so.

pub mod abi;

#[cfg(feature = "sdk")]
mod application;
#[cfg(feature = "sdk")]
mod call;
#[cfg(feature = "sdk")]
mod drain;
#[cfg(feature = "sdk")]
mod exit;
#[cfg(feature = "sdk")]
mod export;
#[cfg(feature = "sdk")]
mod ffi;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "sdk")]
mod log;
#[cfg(feature = "sdk")]
mod mailbox;
#[cfg(feature = "sdk")]
mod message;
#[cfg(feature = "sdk")]
pub mod net;
#[cfg(feature = "sdk")]
mod panic;
#[cfg(feature = "sdk")]
mod process;
#[cfg(feature = "sdk")]
pub mod server;
#[cfg(feature = "sdk")]
mod spawn;
#[cfg(feature = "sdk")]
mod start;
#[cfg(feature = "sdk")]
pub mod supervisor;
#[cfg(feature = "sdk")]
mod task;
#[cfg(feature = "sdk")]
pub mod time;
#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(feature = "sdk")]
#[doc(hidden)]
pub use export::__private;

#[cfg(feature = "sdk")]
pub use crate::{
    application::{Accept, Application},
    call::{CALL_TIMEOUT, CallError, ReplyTo},
    drain::{ImageState, draining, image_state, stopping, version},
    exit::{Down, Exit, ExitReason, MonitorRef, Outcome},
    mailbox::{Address, Mailbox, SendError, spawn_with},
    message::{Local, Message},
    process::{ParsePidError, Pid, SpawnError, exit, kill, link, self_pid, spawn, unlink, yield_now},
    spawn::{Priority, Spawn, set_priority},
    start::StartError,
    task::Task,
};

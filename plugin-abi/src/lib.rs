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
//!
//! # Crates made for tokio
//!
//! A process's future may use whatever needs no particular executor: the `futures` combinators, `select!` of either kind,
//! tokio's channels and locks. Crates that look for a tokio runtime (reqwest, tokio's own timers, sockets, files and
//! `spawn_blocking`) find one with the feature `tokio`: each version of the plugin has its own, of one thread and at most 32
//! more for calls that block. Which parts of tokio are in it, the plugin's own dependency on tokio says. The runtime
//!
//! - is there whenever a process's code runs: in its polls, and when it is dropped. It is *not* there in the function that
//!   makes the [`Application`]: what needs it at its making (a pool of connections) is made by a process;
//! - is made for the first process, lasts while the version is current, and ends when the version has drained. What a
//!   `static` still has of it then is dead, also if an upgrade makes that version current again;
//! - takes no processor time while nothing happens. It counts as one process, which is there while the version is current;
//! - if the system has no thread or descriptor for it, the process that needs it panics and says so; the next one tries again.
//!
//! Processes do not run on it. What `tokio::spawn` and `spawn_blocking` start does, and is no process: it has no pid and no
//! mailbox, nobody can monitor or kill it, and it goes on when the process that started it ends. When the version has drained,
//! tasks are dropped, and calls that block go on to their end. All tasks share one thread with all sockets and timers of
//! tokio's, so a task must never block. Start processes with [`spawn()`] and [`spawn_with`] instead, and leave `tokio::spawn`
//! to crates that know of nothing else.

// What the derive writes is right in this crate, too.
#[cfg(test)]
extern crate self as plugin_abi;

pub mod abi;
#[cfg(feature = "sdk")]
pub mod alloc;

#[cfg(feature = "sdk")]
mod application;
#[cfg(feature = "sdk")]
mod call;
#[cfg(feature = "sdk")]
mod checkpoint;
#[cfg(feature = "sdk")]
mod config;
#[cfg(feature = "sdk")]
mod console;
#[cfg(feature = "sdk")]
mod drain;
#[cfg(feature = "sdk")]
mod exit;
#[cfg(feature = "sdk")]
mod export;
#[cfg(feature = "sdk")]
mod ffi;
#[cfg(feature = "sdk")]
mod health;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "sdk")]
mod info;
#[cfg(feature = "sdk")]
pub mod inside;
#[cfg(feature = "sdk")]
mod log;
#[cfg(feature = "sdk")]
mod mailbox;
#[cfg(feature = "sdk")]
mod message;
#[cfg(feature = "sdk")]
mod moving;
#[cfg(feature = "sdk")]
#[cfg_attr(not(feature = "websocket"), expect(dead_code, reason = "WebSocket sessions alone move with their streams"))]
pub mod net;
#[cfg(feature = "sdk")]
mod panic;
#[cfg(feature = "sdk")]
mod process;
#[cfg(feature = "sdk")]
mod registry;
#[cfg(feature = "sdk")]
mod room;
#[cfg(feature = "sdk")]
pub mod server;
#[cfg(feature = "sdk")]
mod spawn;
#[cfg(feature = "sdk")]
mod start;
#[cfg(feature = "sdk")]
pub mod state;
#[cfg(feature = "sdk")]
pub mod supervisor;
#[cfg(feature = "sdk")]
pub mod system;
#[cfg(feature = "sdk")]
mod task;
#[cfg(feature = "sdk")]
pub mod time;
#[cfg(feature = "sdk")]
mod timer;
#[cfg(feature = "tokio")]
mod tokio_context;
#[cfg(feature = "websocket")]
pub mod websocket;

#[cfg(feature = "sdk")]
#[doc(hidden)]
pub use export::__private;

#[cfg(feature = "sdk")]
pub use crate::{
    application::{Accept, Application},
    call::{CALL_TIMEOUT, CallError, ReplyTo},
    checkpoint::checkpoint,
    config::{ConfigChange, config},
    drain::{ImageState, draining, image_state, stopping, version},
    exit::{Down, Exit, ExitReason, MonitorRef, Outcome},
    info::{ProcessInfo, process_info},
    mailbox::{Address, Mailbox, SendError, spawn_with},
    message::{Local, Message},
    moving::MovingType,
    process::{ParsePidError, Pid, SpawnError, exit, kill, link, self_pid, spawn, unlink, yield_now},
    registry::{Group, RegisterError, register, unregister, whereis},
    spawn::{Priority, Spawn, set_priority},
    start::StartError,
    state::State,
    task::Task,
    timer::TimerRef,
};

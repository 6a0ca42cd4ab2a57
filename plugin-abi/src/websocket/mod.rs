//! WebSocket sessions (RFC 6455) for axum routers.
//!
//! ```text
//! request ─ WebSocketUpgrade (checked) ─┬─ session(state) ─► 101, and a new process: a session, whose state moves from version to version
//!                                       └─ on_upgrade(closure) ─► 101, and a new process, which stays on its version
//! ```
//!
//! The socket's bytes are `wire.rs`'s: between two messages nothing is anywhere else, so that a session moves with its socket, in the
//! middle of a frame too.

mod codec;
mod moving;
mod reference;
mod run;
mod scan;
mod session;
mod socket;
mod upgrade;
mod wire;
#[cfg(test)]
mod wire_tests;

#[doc(hidden)]
pub use moving::moving_type;
pub use reference::SessionRef;
pub use session::{Context, Session};
pub use socket::WebSocket;
pub use tokio_tungstenite::tungstenite::Error;
pub use upgrade::{Rejection, WebSocketUpgrade};

use std::time::Duration;

/// How long a peer has at the end to read what was sent, and to close.
const LINGER: Duration = Duration::from_secs(2);

/// A message of the application's. Pings, pongs and closing are seen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

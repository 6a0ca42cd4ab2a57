//! WebSocket sessions (RFC 6455) for axum routers.
//!
//! ```text
//! request ─ WebSocketUpgrade (checked) ─ on_upgrade ─► 101, and a new process: the session
//! session: recv, send … ── peer closes, node stops (Close 1001 is sent), error ─► recv gives None
//! ```
//!
//! A session is a process of the version that accepted it, and stays there while that version drains.

mod session;
mod upgrade;

pub use session::{Message, WebSocket};
pub use tokio_tungstenite::tungstenite::Error;
pub use upgrade::{Rejection, WebSocketUpgrade};

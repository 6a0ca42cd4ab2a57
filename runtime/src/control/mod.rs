//! The control socket.

pub mod protocol;

//! A stream that moves with its process: the descriptor stays open and watched, and another value owns it.
//!
//! ```text
//! owned ─ leave ─► written, owned still ─┬─ its process has moved: dropped, and the descriptor is not touched
//!                                        └─ its process stays ─► as before
//! arrive ─► a number ─┬─ its process arrives: first use, or drop ─► owned
//!                     └─ dropped before: not touched
//! ```
//!
//! So one value at a time owns the descriptor. What is written never leaves the SDK: a number that somebody else made up is not taken for
//! a descriptor.
#![expect(unsafe_code, reason = "a number becomes a descriptor again")]

use super::source::Source;
use super::stream::{Io, TcpStream};
use crate::moving::{Carried, NotMoving};
use serde::{Deserialize, Serialize};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd};

/// A stream as it is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Left {
    fd: RawFd,
    /// The node's number for it. `None`: it is not watched yet.
    source: Option<u64>,
    #[serde(with = "serde_bytes")]
    unread: Vec<u8>,
    listener: String,
    peer: String,
}

impl TcpStream {
    /// Writes it, with its process's state.
    pub(crate) fn leave(&self) -> Result<Left, NotMoving> {
        let (fd, source) = match &self.io {
            Io::New(stream) => (stream.as_raw_fd(), None),
            Io::Watched(source) => (source.get().as_raw_fd(), Some(source.number())),
            Io::Came(fd, source) => (*fd, *source),
            Io::Gone => (-1, None),
        };
        self.carried.leave()?;
        let (listener, peer) = (self.listener.to_string(), self.peer.to_string());
        Ok(Left { fd, source, unread: self.unread[self.used..].to_vec(), listener, peer })
    }

    /// Reads it, with its process's state.
    pub(crate) fn arrive(left: Left) -> Result<Self, NotMoving> {
        let io = if left.fd < 0 { Io::Gone } else { Io::Came(left.fd, left.source) };
        let (unread, listener, peer) = (left.unread, left.listener.into(), left.peer.into());
        Ok(Self { io, unread, used: 0, listener, peer, carried: Carried::arrive()? })
    }

    /// It is its process's own from here on, if that has arrived.
    ///
    /// # Errors
    /// It has not, or never will: another owns the descriptor.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        let Io::Came(fd, source) = self.io else { return Ok(()) };
        if !self.carried.is_ours() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        // SAFETY: it was written by `leave`, from an open descriptor, and went through nobody's hands but the node's, which gives back what
        // it is given. Its process has arrived, so the value that it was written from gives it up without touching it, and so does each
        // other copy; here it is taken once.
        let stream = std::net::TcpStream::from(unsafe { OwnedFd::from_raw_fd(fd) });
        self.io = match source {
            Some(source) => Io::Watched(Source::watched(stream, source)),
            None => Io::New(stream),
        };
        Ok(())
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        // Ours, it is closed with its fields; else another owns it.
        if self.settle().is_ok() && self.carried.is_ours() {
            return;
        }
        match std::mem::replace(&mut self.io, Io::Gone) {
            Io::New(stream) => _ = stream.into_raw_fd(),
            Io::Watched(source) => _ = source.into_watched().into_raw_fd(),
            Io::Came(..) | Io::Gone => {}
        }
    }
}

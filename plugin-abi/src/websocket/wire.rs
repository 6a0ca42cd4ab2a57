//! A WebSocket's bytes, between the socket and the codec.
//!
//! ```text
//! socket ─ fill ─► unread ─ scan: a whole message ─► codec ─► the application
//! socket ◄─ flush ─ unsent ◄─ frames ─ the application; ◄─ answers to pings and to a close ─ codec
//! ```
//!
//! Invariants:
//! - The codec holds nothing: what is not a whole message yet is here, and what is not sent yet, too. So a wire is its socket, `unread`,
//!   `unsent` and whether a Close was said, at each byte: it can be taken apart and made again at any time.
//! - Nothing is read while more than [`UNSENT_HIGH`] bytes wait for a peer that does not read: it cannot make them grow by pings.
//! - An idle wire has no buffers.

use super::Message;
use super::codec::{self, Got};
use super::scan::{Found, MESSAGE_LEN_MAX, Scan};
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Bytes that are read at once.
const FILL_LEN: usize = 8 << 10;
/// After so many of them in one poll, others run first.
const FILLS_MAX: usize = 64;
/// With more bytes unsent, nothing is read.
pub(super) const UNSENT_HIGH: usize = 64 << 10;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Wire<S> {
    stream: S,
    /// From `used` on, what came and was not a whole message yet.
    unread: Vec<u8>,
    used: usize,
    scan: Scan,
    /// From `sent` on, what is to be sent.
    unsent: Vec<u8>,
    sent: usize,
    /// A Close is in `unsent` or was sent: nothing else is.
    has_closed: bool,
}

/// A wire taken apart.
#[derive(Debug)]
pub(super) struct Parts<S> {
    pub(super) stream: S,
    pub(super) unread: Vec<u8>,
    pub(super) unsent: Vec<u8>,
}

impl<S> Wire<S> {
    /// Of an open connection, on which no Close was said.
    pub(super) fn new(Parts { stream, unread, unsent }: Parts<S>) -> Self {
        Self { stream, unread, used: 0, scan: Scan::default(), unsent, sent: 0, has_closed: false }
    }

    /// What it is, borrowed.
    pub(super) fn parts(&self) -> Parts<&S> {
        let (unread, unsent) = (self.unread[self.used..].to_vec(), self.unsent[self.sent..].to_vec());
        Parts { stream: &self.stream, unread, unsent }
    }

    /// Its socket.
    pub(super) fn stream(&self) -> &S {
        &self.stream
    }

    /// The same, without the rest.
    #[cfg(test)]
    pub(super) fn into_stream(self) -> S {
        self.stream
    }

    #[cfg(test)]
    pub(super) fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Bytes that its buffers take.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.unread.capacity() + self.unsent.capacity()
    }

    /// Bytes that wait until the peer reads.
    pub(super) fn unsent_len(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Puts a message behind what is to be sent.
    pub(super) fn push(&mut self, message: Message) -> Result<(), Error> {
        if self.has_closed {
            return Err(Error::Protocol(ProtocolError::SendAfterClosing));
        }
        codec::encode(message, &mut self.unsent)
    }

    /// Puts a Close behind it, once.
    pub(super) fn push_close(&mut self, close: Option<(CloseCode, &str)>) -> Result<(), Error> {
        if self.has_closed {
            return Ok(());
        }
        self.has_closed = true;
        codec::encode_close(close, &mut self.unsent)
    }

    pub(super) fn has_closed(&self) -> bool {
        self.has_closed
    }

    /// Takes a message out, and reads it.
    fn take(&mut self, whole: Range<usize>) -> Result<Got, Error> {
        let unit = self.used + whole.start..self.used + whole.end;
        let mut unsaid = Vec::new();
        let answers = if self.has_closed { &mut unsaid } else { &mut self.unsent };
        let got = codec::decode(&self.unread[unit.clone()], answers);
        if whole.start == 0 {
            self.used = unit.end;
        } else {
            self.unread.drain(unit);
        }
        if let Ok(Got::Close(_)) = got {
            self.has_closed = true;
        }
        got
    }

    /// The peer does not keep to the protocol: it is told so.
    fn refuse(&mut self, error: Error) -> Error {
        if let Some(code) = codec::code_for(&error)
            && let Err(error) = self.push_close(Some((code, "")))
        {
            return error;
        }
        error
    }

    /// Frees what is empty.
    fn rest(&mut self) {
        if self.used == self.unread.len() {
            (self.unread, self.used) = (Vec::new(), 0);
        }
        if self.sent == self.unsent.len() {
            (self.unsent, self.sent) = (Vec::new(), 0);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// What comes next; sends on the way what waits. An error of the peer's has been answered with a Close: see [`Self::poll_linger`].
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Got, Error>> {
        let mut fills = 0;
        loop {
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Err(error.into()));
            }
            if self.unsent_len() > UNSENT_HIGH {
                return Poll::Pending;
            }
            match self.scan.next(&self.unread[self.used..]) {
                Found::Whole(whole) => match self.take(whole) {
                    Ok(Got::Nothing) => {}
                    Ok(got) => return Poll::Ready(Ok(got)),
                    Err(error) => return Poll::Ready(Err(self.refuse(error))),
                },
                Found::TooLong(size) => {
                    let error = CapacityError::MessageTooLong { size, max_size: MESSAGE_LEN_MAX };
                    return Poll::Ready(Err(self.refuse(Error::Capacity(error))));
                }
                Found::More if fills == FILLS_MAX => return give_way(cx),
                Found::More => match self.poll_fill(cx) {
                    Poll::Ready(Ok(0)) => {
                        return Poll::Ready(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)));
                    }
                    Poll::Ready(Ok(_)) => fills += 1,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error.into())),
                    Poll::Pending => {
                        self.rest();
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    /// Reads some bytes; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); FILL_LEN];
        let mut buf = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf))?;
        self.unread.drain(..std::mem::take(&mut self.used));
        self.unread.extend_from_slice(buf.filled());
        Poll::Ready(Ok(buf.filled().len()))
    }

    /// Sends all that waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Sends all, says that nothing else comes, and reads on, for nothing, until the peer has closed: to close a socket with something
    /// unread in it would be a reset, which takes what was sent last away from the peer. To be bounded in time.
    pub(super) fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        for _ in 0..FILLS_MAX {
            self.unread.clear();
            self.used = 0;
            if ready!(self.poll_fill(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        give_way(cx)
    }
}

/// There may be more to do: in the next turn.
fn give_way<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

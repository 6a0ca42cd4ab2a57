//! A TCP stream.

use super::source::Source;
use crate::abi::{IO_READ, IO_WRITE};
use crate::ffi::{self, Attempt};
use crate::moving::Carried;
use std::borrow::Cow;
use std::io::{self, IoSlice, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Slices that one `writev(2)` takes on Linux (`UIO_MAXIOV`); std passes no more.
const SLICES_MAX: usize = 1024;

/// A connected stream. Implements tokio's `AsyncRead` and `AsyncWrite`; it needs no tokio runtime.
#[derive(Debug)]
pub struct TcpStream {
    pub(super) io: Io,
    /// Bytes that came before what is read next, and how many of them are used.
    pub(super) unread: Vec<u8>,
    pub(super) used: usize,
    pub(super) listener: Cow<'static, str>,
    pub(super) peer: Box<str>,
    pub(super) carried: Carried,
}

/// A connection is made in the host's acceptor and watched from its first use on, in its own process.
#[derive(Debug)]
pub(super) enum Io {
    New(std::net::TcpStream),
    Watched(Source<std::net::TcpStream>),
    /// It came with its process, and was not used yet: the descriptor, and the node's number for it if it is watched.
    Came(RawFd, Option<u64>),
    /// Registering failed, or it was handed over.
    Gone,
}

impl TcpStream {
    fn new(io: Io, unread: Vec<u8>, listener: &'static str, peer: Box<str>) -> Self {
        Self { io, unread, used: 0, listener: listener.into(), peer, carried: Carried::default() }
    }

    /// A connection that a listener of the node's accepted.
    pub(crate) fn from_connection(fd: OwnedFd, listener: &'static str, peer: &str, unread: &[u8]) -> Self {
        Self::new(Io::New(fd.into()), unread.to_vec(), listener, peer.into())
    }

    /// Connects to an address.
    ///
    /// # Errors
    /// As `connect(2)` says.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = connecting(address)?;
        let source = Source::new(std::net::TcpStream::from(socket))?;
        std::future::poll_fn(|cx| source.poll_ready(IO_WRITE, cx)).await;
        if let Some(error) = source.get().take_error()? {
            return Err(error);
        }
        let peer = source.get().peer_addr()?.to_string().into();
        Ok(Self::new(Io::Watched(source), Vec::new(), "", peer))
    }

    pub(super) fn from_accepted(stream: std::net::TcpStream, peer: SocketAddr) -> Self {
        Self::new(Io::New(stream), Vec::new(), "", peer.to_string().into())
    }

    /// The peer's `IP:PORT`; empty when the system does not know it any more.
    #[must_use]
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// The listener that it came in by; empty for a stream of the process's own.
    #[must_use]
    pub fn listener(&self) -> &str {
        &self.listener
    }

    /// Waits until there is something to read: bytes, or the end. It reads nothing, so that a connection needs no buffer while it waits, which is
    /// most of what an idle one takes otherwise. It may say so when there is nothing: the read that follows waits then.
    ///
    /// # Errors
    /// The stream has been handed over, or cannot be watched.
    pub async fn readable(&mut self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            if self.used < self.unread.len() {
                return Poll::Ready(Ok(()));
            }
            self.source()?.poll_ready(IO_READ, cx).map(|_| Ok(()))
        })
        .await
    }

    /// Gives an idle connection to the version that is current now, to be served from its beginning by the listener that it came
    /// in by. `unread`: bytes that were read from it and not used.
    ///
    /// # Errors
    /// There is no newer version, or it has no such listener: the stream comes back, with `unread` to be read again.
    pub fn hand_over(mut self, unread: &[u8]) -> Result<(), Self> {
        let mut unread = unread.to_vec();
        unread.extend_from_slice(&self.unread[self.used..]);
        if self.settle().is_err() {
            return Err(self);
        }
        let stream = match std::mem::replace(&mut self.io, Io::Gone) {
            Io::New(stream) => stream,
            Io::Watched(source) => source.into_inner(),
            Io::Came(..) | Io::Gone => return Err(self),
        };
        ffi::hand_over(&self.listener, stream.into(), &unread).map_err(|fd| {
            self.io = Io::New(fd.into());
            self.unread = unread;
            self.used = 0;
            self
        })
    }

    fn source(&mut self) -> io::Result<&Source<std::net::TcpStream>> {
        self.settle()?;
        if let Io::New(_) = self.io {
            let Io::New(stream) = std::mem::replace(&mut self.io, Io::Gone) else { return Err(gone()) };
            self.io = Io::Watched(Source::new(stream)?);
        }
        match &self.io {
            Io::Watched(source) => Ok(source),
            Io::New(_) | Io::Came(..) | Io::Gone => Err(gone()),
        }
    }

    fn give_unread(&mut self, buf: &mut ReadBuf<'_>) {
        let left = &self.unread[self.used..];
        let len = left.len().min(buf.remaining());
        buf.put_slice(&left[..len]);
        self.used += len;
        if self.used == self.unread.len() {
            self.unread = Vec::new();
            self.used = 0;
        }
    }

    fn poll_written(
        &mut self,
        cx: &Context<'_>,
        len: usize,
        attempt: impl Fn(&std::net::TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let source = self.source()?;
        loop {
            let token = ready!(source.poll_ready(IO_WRITE, cx));
            match attempt(source.get()) {
                Ok(written) => {
                    // A short write has filled the socket's buffer: the next one would find it so.
                    if written > 0 && written < len {
                        source.clear(IO_WRITE, token);
                    }
                    return Poll::Ready(Ok(written));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => source.clear(IO_WRITE, token),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the stream has been handed over, or could not be watched")
}

fn connecting(address: SocketAddr) -> io::Result<OwnedFd> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, None)?;
    match connect(&socket, &address) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.used < self.unread.len() {
            self.give_unread(buf);
            return Poll::Ready(Ok(()));
        }
        let source = self.source()?;
        loop {
            let token = ready!(source.poll_ready(IO_READ, cx));
            let room = buf.remaining();
            match ffi::read(source.get().as_fd(), buf)? {
                Attempt::Read(len) => {
                    // A short read has emptied the socket's buffer: the next one would find it so.
                    if len > 0 && len < room {
                        source.clear(IO_READ, token);
                    }
                    return Poll::Ready(Ok(()));
                }
                Attempt::Again => source.clear(IO_READ, token),
            }
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_written(cx, buf.len(), |mut stream| stream.write(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The slices beyond would make a full write look short, and nothing would say that there is room for them.
        let len = bufs.iter().take(SLICES_MAX).map(|buf| buf.len()).sum();
        self.poll_written(cx, len, |mut stream| stream.write_vectored(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.source()?.get().shutdown(Shutdown::Write))
    }
}

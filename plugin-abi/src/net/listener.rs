//! A TCP listener of the process's own.

use super::source::Source;
use super::stream::TcpStream;
use crate::abi::IO_READ;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

/// A listening socket that belongs to the process that made it, and closes with it. The listeners that outlive an
/// upgrade are the node's: see [`Application::listen`](crate::Application::listen).
#[derive(Debug)]
pub struct TcpListener(Source<std::net::TcpListener>);

impl TcpListener {
    /// Binds and listens.
    ///
    /// # Errors
    /// As `bind(2)` and `listen(2)` say.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Source::new(listener).map(Self)
    }

    /// The address as bound.
    ///
    /// # Errors
    /// As `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.get().local_addr()
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As `accept(2)` says.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, peer) = poll_fn(|cx| self.0.poll_io(IO_READ, cx, std::net::TcpListener::accept)).await?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(TcpStream::from_accepted(stream, peer))
    }
}

//! An open WebSocket, as a closure of [`WebSocketUpgrade::on_upgrade`](super::WebSocketUpgrade::on_upgrade) has it.

use super::codec::Got;
use super::wire::{Parts, Wire};
use super::{LINGER, Message};
use crate::drain::stopping;
use crate::net::TcpStream;
use crate::time::timeout;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// An open WebSocket, the server's side. Messages of more than 1 MiB are an error. Dropped, it closes the connection.
#[derive(Debug)]
pub struct WebSocket {
    wire: Wire<TcpStream>,
    /// The peer has closed, or was refused.
    is_over: bool,
}

impl WebSocket {
    pub(super) fn new(stream: TcpStream, unread: Vec<u8>) -> Self {
        Self { wire: Wire::new(Parts { stream, unread, unsent: Vec::new() }), is_over: false }
    }

    /// The next message. `None`: the peer has closed, or the node stops. Dropped while it waits, it loses nothing.
    ///
    /// # Errors
    /// The connection broke, or the peer does not keep to the protocol; it has been told so then.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        if self.is_over {
            return None;
        }
        let end = loop {
            match self.next_or_stopping().await {
                Some(Ok(Got::Message(message))) => return Some(Ok(message)),
                Some(Ok(Got::Nothing)) => {}
                Some(Ok(Got::Close(_))) => break None,
                Some(Err(error)) => break Some(Err(error)),
                // Reads on until the peer has answered.
                None => drop(self.wire.push_close(Some((CloseCode::Away, "the node stops")))),
            }
        };
        self.is_over = true;
        self.linger().await;
        end
    }

    /// `None`: the node stops, which is said once.
    async fn next_or_stopping(&mut self) -> Option<Result<Got, Error>> {
        let mut stopping = pin!(stopping());
        let wire = &mut self.wire;
        poll_fn(|cx| {
            if let Poll::Ready(got) = wire.poll_next(cx) {
                return Poll::Ready(Some(got));
            }
            if !wire.has_closed() && stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    async fn linger(&mut self) {
        // Broken, or too slow: there is nobody to tell.
        drop(timeout(LINGER, poll_fn(|cx| self.wire.poll_linger(cx))).await);
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection broke or is closing.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.wire.push(message)?;
        self.flush().await
    }

    /// Closes in order; to be followed by [`recv`](Self::recv) until it gives `None` if the peer's answer matters.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.wire.push_close(None)?;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        Ok(poll_fn(|cx| self.wire.poll_flush(cx)).await?)
    }
}

//! An open WebSocket.

use crate::drain::stopping;
use futures_util::{SinkExt as _, StreamExt as _};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};

/// A larger message ends the session with an error.
const MESSAGE_LEN_MAX: usize = 1 << 20;

/// A message of the application's. Pings, pongs and closing are seen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

/// An open WebSocket, the server's side. Messages of more than 1 MiB are an error. Dropped, it closes the connection.
#[derive(Debug)]
pub struct WebSocket {
    stream: WebSocketStream<TokioIo<Upgraded>>,
    is_closing: bool,
}

impl WebSocket {
    pub(super) async fn new(upgraded: Upgraded) -> Self {
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_LEN_MAX))
            .max_frame_size(Some(MESSAGE_LEN_MAX))
            .read_buffer_size(4096)
            .write_buffer_size(0);
        let io = TokioIo::new(upgraded);
        let stream = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
        Self { stream, is_closing: false }
    }

    /// The next message. `None`: the peer has closed, or the node stops. Dropped while it waits, it loses nothing.
    ///
    /// # Errors
    /// The connection broke, or the peer does not keep to the protocol.
    pub async fn recv(&mut self) -> Option<Result<Message, Error>> {
        loop {
            let received = match self.next_or_stopping().await {
                Some(received) => received?,
                None => self.leave().await?,
            };
            match received {
                Ok(tungstenite::Message::Text(text)) => return Some(Ok(Message::Text(text.as_str().to_owned()))),
                Ok(tungstenite::Message::Binary(bytes)) => return Some(Ok(Message::Binary(bytes.into()))),
                // The answers to pings and to a close go out with the reading of what follows.
                Ok(_) => {}
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// `None`: the node stops.
    async fn next_or_stopping(&mut self) -> Option<Option<Result<tungstenite::Message, Error>>> {
        let mut stopping = pin!(stopping());
        let is_closing = self.is_closing;
        let stream = &mut self.stream;
        poll_fn(|cx| {
            // What is left of a Close goes out here too; if it cannot, reading says so.
            if is_closing && let Poll::Ready(Err(error)) = stream.poll_flush_unpin(cx) {
                tracing::debug!(%error, "a close could not be written");
            }
            if let Poll::Ready(received) = stream.poll_next_unpin(cx) {
                return Poll::Ready(Some(received));
            }
            if !is_closing && stopping.as_mut().poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            Poll::Pending
        })
        .await
    }

    /// Says that the server goes away, once, then reads on until the peer has answered.
    async fn leave(&mut self) -> Option<Result<tungstenite::Message, Error>> {
        let frame = CloseFrame { code: CloseCode::Away, reason: "the node stops".into() };
        match self.say_close(Some(frame)).await {
            Ok(()) => self.stream.next().await,
            Err(_) => None,
        }
    }

    /// If this is dropped before the frame is queued, it is said another time; once queued, [`recv`](Self::recv) writes it out.
    async fn say_close(&mut self, frame: Option<CloseFrame>) -> Result<(), Error> {
        self.stream.feed(tungstenite::Message::Close(frame)).await?;
        self.is_closing = true;
        self.stream.flush().await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// The connection broke or is closing.
    pub async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.stream
            .send(match message {
                Message::Text(text) => tungstenite::Message::Text(text.into()),
                Message::Binary(bytes) => tungstenite::Message::Binary(bytes.into()),
            })
            .await
    }

    /// Closes in order; to be followed by [`recv`](Self::recv) until it gives `None` if the peer's answer matters.
    ///
    /// # Errors
    /// The connection broke.
    pub async fn close(&mut self) -> Result<(), Error> {
        self.say_close(None).await
    }
}

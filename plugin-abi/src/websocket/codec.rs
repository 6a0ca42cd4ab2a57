//! Messages of bytes, and bytes of messages. The codec is tungstenite's: it lives for one message, so nothing is ever left in it.

use super::Message;
use super::scan::MESSAGE_LEN_MAX;
use std::io::{self, ErrorKind, Read, Write};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use tokio_tungstenite::tungstenite::{self, Error};

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// For the application.
    Message(Message),
    /// The peer closes, with this code.
    Close(Option<u16>),
    /// A ping or pong, seen to.
    Nothing,
}

/// Bytes in, bytes out.
struct Bytes<'a> {
    unread: &'a [u8],
    written: &'a mut Vec<u8>,
}

impl Read for Bytes<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.unread.read(buf) {
            Ok(0) => Err(ErrorKind::WouldBlock.into()),
            read => read,
        }
    }
}

impl Write for Bytes<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.written.extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a whole message, or a frame of control; what must be answered to it is written behind `answers`.
pub(super) fn decode(unit: &[u8], answers: &mut Vec<u8>) -> Result<Got, Error> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_LEN_MAX))
        .max_frame_size(Some(MESSAGE_LEN_MAX))
        .read_buffer_size(unit.len())
        .write_buffer_size(0);
    let mut codec = WebSocketContext::new(Role::Server, Some(config));
    let mut io = Bytes { unread: unit, written: answers };
    let message = codec.read(&mut io)?;
    match codec.flush(&mut io) {
        Ok(()) | Err(Error::ConnectionClosed) => {}
        Err(error) => return Err(error),
    }
    Ok(match message {
        tungstenite::Message::Text(text) => Got::Message(Message::Text(text.as_str().to_owned())),
        tungstenite::Message::Binary(bytes) => Got::Message(Message::Binary(bytes.into())),
        tungstenite::Message::Close(frame) => Got::Close(frame.map(|frame| frame.code.into())),
        tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_) | tungstenite::Message::Frame(_) => Got::Nothing,
    })
}

/// Writes a message behind `bytes`.
pub(super) fn encode(message: Message, bytes: &mut Vec<u8>) -> Result<(), Error> {
    let (payload, data) = match message {
        Message::Text(text) => (text.into_bytes(), Data::Text),
        Message::Binary(bytes) => (bytes, Data::Binary),
    };
    Frame::message(payload, OpCode::Data(data), true).format(bytes)
}

/// Writes a Close behind `bytes`.
pub(super) fn encode_close(close: Option<(CloseCode, &str)>, bytes: &mut Vec<u8>) -> Result<(), Error> {
    Frame::close(close.map(|(code, reason)| CloseFrame { code, reason: reason.into() })).format(bytes)
}

/// With which code a connection is closed that brought this. `None`: it is broken.
pub(super) fn code_for(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Capacity(_) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Protocol(_) => Some(CloseCode::Protocol),
        _ => None,
    }
}

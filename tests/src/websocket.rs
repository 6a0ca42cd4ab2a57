//! A WebSocket client (RFC 6455) on [`http::Connection`](crate::http::Connection): text, pings and the closing handshake.

use crate::http::Connection;
use crate::load::outcome::Failure;
use std::net::SocketAddr;

/// The key of RFC 6455, section 1.3 …
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// … and the answer that the RFC gives for it.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// A client masks its frames; with which bytes does not matter to a test.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The last frame of a message.
pub const FIN: u8 = 0x80;
/// Goes on with a message.
pub const OPCODE_CONTINUE: u8 = 0;
/// Begins a text.
pub const OPCODE_TEXT: u8 = 1;
const OPCODE_CLOSE: u8 = 8;
/// Asks for a pong.
pub const OPCODE_PING: u8 = 9;
const OPCODE_PONG: u8 = 10;

/// A frame from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole text message.
    Text(String),
    /// The server closes, with this status code.
    Close(Option<u16>),
}

impl Frame {
    /// For messages: the beginning of it.
    #[must_use]
    pub fn short(&self) -> String {
        match self {
            Self::Text(text) => format!("{:?}", text.chars().take(60).collect::<String>()),
            Self::Close(code) => format!("close {code:?}"),
        }
    }
}

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    connection: Connection,
}

impl WebSocket {
    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When the server does not switch protocols as the RFC says.
    pub fn open(address: SocketAddr, path: &str) -> Result<Self, Failure> {
        let mut connection = Connection::open(address)?;
        connection.send(
            format!(
                "GET {path} HTTP/1.1\r\nhost: load\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
            )
            .as_bytes(),
        )?;
        let response = connection.response()?;
        if response.status != 101 || response.header("sec-websocket-accept") != Some(ACCEPT) {
            return Err(Failure::WrongAnswer(format!("no WebSocket: status {}", response.status)));
        }
        Ok(Self { connection })
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// When the server no longer reads.
    pub fn send_text(&mut self, text: &str) -> Result<(), Failure> {
        self.send(OPCODE_TEXT, text.as_bytes())
    }

    /// The next text message or close; pings are answered.
    ///
    /// # Errors
    /// When the connection ends without a closing handshake.
    pub fn receive(&mut self) -> Result<Frame, Failure> {
        loop {
            let (opcode, payload) = self.frame()?;
            match opcode {
                OPCODE_TEXT => {
                    let text = String::from_utf8(payload);
                    return text.map(Frame::Text).map_err(|_| Failure::WrongAnswer("text that is not UTF-8".into()));
                }
                OPCODE_CLOSE => {
                    return Ok(Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))));
                }
                OPCODE_PING => self.send(OPCODE_PONG, &payload)?,
                OPCODE_PONG => {}
                other => return Err(Failure::WrongAnswer(format!("a frame of opcode {other}"))),
            }
        }
    }

    /// Sends one message and waits for its echo.
    ///
    /// # Errors
    /// When something else comes, or nothing.
    pub fn echo(&mut self, text: &str) -> Result<(), Failure> {
        self.send_text(text)?;
        match self.receive()? {
            Frame::Text(answer) if answer == text => Ok(()),
            other => Err(Failure::WrongAnswer(format!("{} instead of {text:?}", other.short()))),
        }
    }

    /// The closing handshake: nothing may come before the server's own close.
    ///
    /// # Errors
    /// When the server does not close in order.
    pub fn close(mut self) -> Result<(), Failure> {
        self.send(OPCODE_CLOSE, &1000_u16.to_be_bytes())?;
        match self.receive()? {
            Frame::Close(_) => self.connection.closed(),
            other => Err(Failure::WrongAnswer(format!("{} after the close", other.short()))),
        }
    }

    fn frame(&mut self) -> Result<(u8, Vec<u8>), Failure> {
        let head = self.connection.take(2)?;
        if head[0] & 0x80 == 0 || head[1] & 0x80 != 0 {
            return Err(Failure::WrongAnswer("a fragment, or a masked frame of a server".into()));
        }
        let len = match head[1] {
            126 => usize::from(u16::from_be_bytes(array(&self.connection.take(2)?))),
            127 => usize::try_from(u64::from_be_bytes(array(&self.connection.take(8)?))).unwrap_or(usize::MAX),
            short => usize::from(short),
        };
        Ok((head[0] & 0x0f, self.connection.take(len)?))
    }

    fn send(&mut self, opcode: u8, payload: &[u8]) -> Result<(), Failure> {
        self.connection.send(&frame(FIN | opcode, payload))
    }

    /// Sends bytes as they are: a part of a frame, or many.
    ///
    /// # Errors
    /// When the server no longer reads.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.connection.send(bytes)
    }
}

/// A client's frame; `first` is its first byte: [`FIN`] or not, and the opcode.
#[must_use]
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(0x80 | u8::try_from(short).unwrap_or_default()),
        len @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(len).unwrap_or_default().to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

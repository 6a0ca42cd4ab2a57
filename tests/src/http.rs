//! An HTTP/1.1 client on a bare socket, so that each way in which a request can fail is seen for what it is.
//!
//! ```text
//! open ─► send ─► response ─► send ─► … ─► closed with notice (`Connection: close` in the last response)
//!   │       │        └ end of stream before the last byte: truncated (after the first byte) or reset (before it)
//!   │       └ broken pipe, reset
//!   └ refused
//! ```
//!
//! Absent on purpose: retries, pools, redirects, and any reading of what the server may have meant.

use crate::load::outcome::Failure;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer within this time is a failure.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// A response's head is no longer than this.
const HEAD_LEN_MAX: usize = 16 * 1024;

/// A client's connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// Bytes received and not yet used.
    unread: Vec<u8>,
}

/// A complete response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, values trimmed, in order.
    pub headers: Vec<(String, String)>,
    /// The body, without transfer coding.
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of that header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Has the server said that this is the connection's last response?
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When the status is not 200 or the body is no JSON.
    pub fn json(&self) -> Result<serde_json::Value, Failure> {
        let wrong = |why: String| Failure::WrongAnswer(format!("{why}: {}", String::from_utf8_lossy(&self.body)));
        if self.status != 200 {
            return Err(wrong(format!("status {}", self.status)));
        }
        serde_json::from_slice(&self.body).map_err(|error| wrong(error.to_string()))
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or the connection is reset at once.
    pub fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_TIMEOUT).map_err(|error| Failure::of(&error))?;
        stream.set_nodelay(true).map_err(|error| Failure::of(&error))?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(|error| Failure::of(&error))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT)).map_err(|error| Failure::of(&error))?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// This end's address.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn local_address(&self) -> Result<SocketAddr, Failure> {
        self.stream.local_addr().map_err(|error| Failure::of(&error))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// When the server no longer reads.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).map_err(|error| Failure::of(&error))
    }

    /// Asks for a path and waits for the answer; the connection stays open.
    ///
    /// # Errors
    /// When no complete response comes.
    pub fn get(&mut self, path: &str) -> Result<Response, Failure> {
        self.send(request(path).as_bytes())?;
        self.response()
    }

    /// Waits for the next complete response.
    ///
    /// # Errors
    /// When the connection ends before its last byte, or it is no response.
    pub fn response(&mut self) -> Result<Response, Failure> {
        let head = self.head()?;
        let (status, headers) = parse_head(&head)?;
        let mut response = Response { status, headers, body: Vec::new() };
        if status == 101 {
            return Ok(response);
        }
        response.body = match response.header("content-length") {
            Some(len) => {
                let len = len.parse().map_err(|_| Failure::WrongAnswer(format!("content-length {len}")))?;
                self.take(len)?
            }
            None if response.header("transfer-encoding") == Some("chunked") => self.chunks()?,
            None => return Err(Failure::WrongAnswer("a response without a length".into())),
        };
        Ok(response)
    }

    /// Waits until the server closes the connection in order, or says what came instead.
    ///
    /// # Errors
    /// When it is reset, stays open, or sends more.
    pub fn closed(&mut self) -> Result<(), Failure> {
        if !self.unread.is_empty() {
            return Err(Failure::WrongAnswer("bytes that nobody asked for".into()));
        }
        match self.fill() {
            Err(Failure::Truncated) => Ok(()),
            Err(other) => Err(other),
            Ok(()) => Err(Failure::WrongAnswer("bytes that nobody asked for".into())),
        }
    }

    /// Exactly `len` bytes.
    ///
    /// # Errors
    /// When the connection ends before.
    pub fn take(&mut self, len: usize) -> Result<Vec<u8>, Failure> {
        while self.unread.len() < len {
            self.fill()?;
        }
        let rest = self.unread.split_off(len);
        Ok(std::mem::replace(&mut self.unread, rest))
    }

    fn head(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                return self.take(at + 4);
            }
            if self.unread.len() > HEAD_LEN_MAX {
                return Err(Failure::WrongAnswer("a response's head of more than 16 KiB".into()));
            }
            let before = self.unread.is_empty();
            self.fill().map_err(|failure| match failure {
                // The server closed without a word: to who waits for an answer, that is a reset.
                Failure::Truncated if before => Failure::Reset,
                other => other,
            })?;
        }
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let text = std::str::from_utf8(&line).unwrap_or_default().trim();
            let len = usize::from_str_radix(text, 16).map_err(|_| Failure::WrongAnswer("a chunk's length".into()))?;
            body.extend(self.take(len)?);
            self.line()?;
            if len == 0 {
                return Ok(body);
            }
        }
    }

    fn line(&mut self) -> Result<Vec<u8>, Failure> {
        loop {
            if let Some(at) = find(&self.unread, b"\r\n") {
                return self.take(at + 2);
            }
            self.fill()?;
        }
    }

    /// Reads at least one byte. The end of the stream is [`Failure::Truncated`].
    fn fill(&mut self) -> Result<(), Failure> {
        let mut chunk = [0; 8192];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Failure::Truncated),
                Ok(len) => {
                    self.unread.extend_from_slice(&chunk[..len]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::of(&error)),
            }
        }
    }
}

/// The bytes of a `GET` that keeps the connection.
#[must_use]
pub fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: load\r\n\r\n")
}

/// One request on a connection of its own.
///
/// # Errors
/// When no complete response comes.
pub fn get(address: SocketAddr, path: &str) -> Result<Response, Failure> {
    Connection::open(address)?.get(path)
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

fn parse_head(head: &[u8]) -> Result<(u16, Vec<(String, String)>), Failure> {
    let wrong = || Failure::WrongAnswer(format!("no response: {}", String::from_utf8_lossy(head)));
    let text = std::str::from_utf8(head).map_err(|_| wrong())?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")).and_then(|rest| rest.get(..3));
    let status = status.and_then(|code| code.parse().ok()).ok_or_else(wrong)?;
    let headers = lines.take_while(|line| !line.is_empty()).map(|line| {
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    Ok((status, headers.collect::<Result<_, Failure>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What a client sees of a server that reads one request, writes `bytes` and closes.
    fn answered(bytes: &'static [u8]) -> Result<Response, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).expect("a request");
            stream.write_all(bytes).expect("a client that reads");
        });
        let outcome = get(address, "/");
        server.join().expect("the server does not panic");
        outcome
    }

    #[test]
    fn a_whole_response_is_read_by_its_length() {
        let response = answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").expect("whole");
        assert_eq!((response.status, response.body.as_slice(), response.closes()), (200, b"hi".as_slice(), true));
    }

    #[test]
    fn a_chunked_response_is_put_together() {
        let response = answered(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n");
        assert_eq!(response.expect("whole").body, b"hi!");
    }

    #[test]
    fn a_close_without_a_word_is_a_reset_and_within_a_response_truncated() {
        assert_eq!(answered(b""), Err(Failure::Reset));
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\nContent-Le"), Err(Failure::Truncated));
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"), Err(Failure::Truncated));
    }

    #[test]
    fn nobody_there_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("bound");
        drop(listener);
        assert_eq!(get(address, "/"), Err(Failure::Refused));
    }
}

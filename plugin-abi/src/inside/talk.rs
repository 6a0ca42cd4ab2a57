//! One talk: a line with a request, lines with events, a line that ends it.
//!
//! ```text
//! socket of the node's ─► request written ─► lines read ─┬─ event: told ─► lines read
//!                                                        ├─ done ─► the answer
//!                                                        └─ failed, too long, the end, or the time is up ─► an error
//! ```

use crate::abi::{IO_READ, IO_WRITE, STATUS_LIMIT, STATUS_NONE};
use crate::ffi;
use crate::net::Source;
use crate::time::timeout;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The protocol's version that this speaks.
const SCHEMA: u32 = 1;
/// No line of an answer is longer.
const LINE_LEN_MAX: usize = 4 << 20;
const CHUNK_LEN: usize = 16 << 10;

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The node answers nobody: it starts or stops, or there is none.
    Nobody,
    /// It answers so many questions already.
    Busy,
    /// The question or its answer did not get through.
    Io(io::Error),
    /// The node says no, and why.
    Refused(String),
    /// The answer is none that this version understands.
    Malformed(String),
    /// None came in time.
    Timeout,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => f.write_str("the node answers no questions now: it starts or stops"),
            Self::Busy => f.write_str("the node answers so many questions already: ask again"),
            Self::Io(error) => write!(f, "the node's answer did not get through: {error}"),
            Self::Refused(reason) => f.write_str(reason),
            Self::Malformed(reason) => write!(f, "the node's answer is not understood: {reason}"),
            Self::Timeout => f.write_str("the node did not answer in time"),
        }
    }
}

impl std::error::Error for Error {}

/// Asks, tells each event, and returns the answer.
pub(super) async fn ask<E: DeserializeOwned, T: DeserializeOwned>(
    request: Value,
    patience: Duration,
    event: impl FnMut(E) + Send,
) -> Result<T, Error> {
    timeout(patience, talk(request, event)).await.unwrap_or(Err(Error::Timeout))
}

async fn talk<E: DeserializeOwned, T: DeserializeOwned>(
    mut request: Value,
    mut event: impl FnMut(E) + Send,
) -> Result<T, Error> {
    request["schema"] = SCHEMA.into();
    let fd = ffi::inside().map_err(|refused| match refused {
        None | Some(STATUS_NONE) => Error::Nobody,
        Some(STATUS_LIMIT) => Error::Busy,
        Some(_) => Error::Io(io::Error::other("the system gives the node no socket or thread: its log says why")),
    })?;
    let mut lines = Lines { socket: Source::new(UnixStream::from(fd)).map_err(Error::Io)?, read: Vec::new(), used: 0 };
    lines.write(format!("{request}\n").as_bytes()).await.map_err(Error::Io)?;
    loop {
        let mut line: Value = serde_json::from_slice(&lines.next().await?).map_err(malformed)?;
        match line["reply"].as_str() {
            Some("event") => event(serde_json::from_value(line).map_err(malformed)?),
            Some("done") => return serde_json::from_value(line).map_err(malformed),
            Some("failed") => return Err(Error::Refused(text(line["message"].take()))),
            _ => return Err(Error::Malformed("a line that is no reply".to_owned())),
        }
    }
}

fn malformed(error: serde_json::Error) -> Error {
    Error::Malformed(error.to_string())
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// The socket, and what was read of it.
struct Lines {
    socket: Source<UnixStream>,
    read: Vec<u8>,
    /// So much of it has been looked at.
    used: usize,
}

impl Lines {
    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let attempt = |mut socket: &UnixStream| socket.write(bytes);
            let written = poll_fn(|cx| self.socket.poll_io(IO_WRITE, cx, attempt)).await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    /// The next line, without its end.
    async fn next(&mut self) -> Result<Vec<u8>, Error> {
        loop {
            if let Some(end) = self.read[self.used..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(self.used + end + 1);
                self.used = 0;
                return Ok(std::mem::replace(&mut self.read, rest));
            }
            self.used = self.read.len();
            if self.used > LINE_LEN_MAX {
                return Err(Error::Malformed(format!("a line of more than {LINE_LEN_MAX} bytes")));
            }
            let mut chunk = [0; CHUNK_LEN];
            let len = poll_fn(|cx| self.socket.poll_io(IO_READ, cx, |mut socket| socket.read(&mut chunk))).await;
            match len.map_err(Error::Io)? {
                0 => return Err(Error::Io(io::ErrorKind::UnexpectedEof.into())),
                len => self.read.extend_from_slice(&chunk[..len]),
            }
        }
    }
}

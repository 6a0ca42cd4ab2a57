//! A connection to a fixture that is told what to do by lines. It stays with the version that accepted it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// See the file's head.
#[derive(Debug)]
pub struct Talk(BufReader<TcpStream>);

impl Talk {
    /// Opens it, and waits until a process serves it.
    ///
    /// # Panics
    /// When nobody does.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        Self::patient(address, Duration::from_secs(60))
    }

    /// The same, for answers that take up to so long.
    ///
    /// # Panics
    /// When nobody serves it.
    #[must_use]
    pub fn patient(address: SocketAddr, patience: Duration) -> Self {
        let stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(patience)).expect("a time-out");
        let mut talk = Self(BufReader::new(stream));
        assert_eq!(talk.ask("hello"), "what?");
        talk
    }

    /// What comes of a command.
    ///
    /// # Panics
    /// When the connection breaks, or nothing comes.
    pub fn ask(&mut self, command: &str) -> String {
        self.tell(command);
        self.hear()
    }

    /// Sends a command.
    ///
    /// # Panics
    /// When the connection breaks.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.0.get_mut(), "{command}").expect("sent");
    }

    /// The next line.
    ///
    /// # Panics
    /// When the connection breaks, or nothing comes.
    pub fn hear(&mut self) -> String {
        let mut said = String::new();
        self.0.read_line(&mut said).unwrap_or_else(|error| panic!("nothing was said: {error}"));
        said.trim_end().to_owned()
    }

    /// What comes of a command is this.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn expect(&mut self, command: &str, answer: &str) {
        assert_eq!(self.ask(command), answer, "{command}");
    }
}

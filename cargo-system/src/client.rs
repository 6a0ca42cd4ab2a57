//! The client's end of the control socket.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use runtime::protocol::{Command, Event, Outcome, Reply, Request, SCHEMA};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A node that says nothing for this long is not well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a node.
#[derive(Debug)]
pub(crate) struct Client {
    stream: BufReader<UnixStream>,
    root: String,
}

/// Connects; a node that is not there is an error that says where it was looked for.
pub(crate) fn connect(node: &NodePath) -> Result<Client, Failure> {
    let root = node.layout.root().display().to_string();
    let socket = node.layout.socket();
    let stream = UnixStream::connect(&socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Failure::error(format!("no node runs in {root} ({})", node.reason))
                .hint("start it with cargo system run, or name another one with --node")
        }
        io::ErrorKind::PermissionDenied => Failure::error(format!("{} may not be opened: {error}", socket.display()))
            .hint("only the node's own user and root may control it"),
        _ => Failure::error(format!("{} cannot be connected to: {error}", socket.display())),
    })?;
    Ok(Client { stream: BufReader::new(stream), root })
}

/// True when a node answers there.
pub(crate) fn is_running(node: &NodePath) -> bool {
    connect(node).is_ok_and(|mut client| client.ask(Command::Ping, PATIENCE).is_ok())
}

impl Client {
    /// Asks, and waits for the end of the answer for that long at the most.
    pub(crate) fn ask(&mut self, command: Command, timeout: Duration) -> Result<Outcome, Failure> {
        self.ask_with(command, timeout, |_| Ok(()))
    }

    /// The same, with `on_event` called for each event on the way.
    pub(crate) fn ask_with(
        &mut self,
        command: Command,
        timeout: Duration,
        mut on_event: impl FnMut(Event) -> Result<(), Failure>,
    ) -> Result<Outcome, Failure> {
        let until = Instant::now() + timeout;
        self.write(&Request { schema: SCHEMA, command })?;
        loop {
            match self.read(until)? {
                Reply::Event(event) => on_event(event)?,
                Reply::Done(outcome) => return Ok(outcome),
                Reply::Failed(failure) => return Err(failure.into()),
            }
        }
    }

    /// Waits until the node has ended, which ends the connection too.
    pub(crate) fn wait_until_gone(&mut self) {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until && self.read(until).is_ok() {}
    }

    fn write(&mut self, request: &Request) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(request).map_err(Failure::error)?;
        line.push(b'\n');
        let mut stream = self.stream.get_ref();
        let written = stream.set_write_timeout(Some(PATIENCE)).and_then(|()| stream.write_all(&line));
        match written {
            // A node that turns clients away has its answer ready, which says why.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(self.broken(&error)),
            _ => Ok(()),
        }
    }

    fn read(&mut self, until: Instant) -> Result<Reply, Failure> {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.get_ref().set_read_timeout(Some(left)).map_err(|error| self.broken(&error))?;
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => Err(Failure::error(format!("the node in {} hung up", self.root))
                .hint("its log says why; cargo system ping asks whether it is there")),
            Ok(_) => serde_json::from_str(&line).map_err(|error| {
                Failure::error(format!("the node in {} answers what this tool does not understand: {error}", self.root))
            }),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                let message =
                    format!("the node in {} has not answered in time; the operation goes on there", self.root);
                Err(Failure::new(ExitCode::TimedOut, message).hint("cargo system status shows what runs"))
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    fn broken(&self, error: &io::Error) -> Failure {
        Failure::error(format!("the talk with the node in {} broke: {error}", self.root))
    }
}

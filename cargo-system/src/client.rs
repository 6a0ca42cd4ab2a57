//! The client's end of the control socket. Nothing here waits without an end, or without noticing Ctrl-C.

mod console;

pub(crate) use console::Session;

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::{hints, interrupt, output};
use runtime::protocol::{Command, Event, Outcome, Reply, Request, SCHEMA};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use serde::Serialize;
use std::convert::Infallible;
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A node that says nothing for this long is not well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
/// How often a node with a full queue of clients is tried again.
const AGAIN: Duration = Duration::from_millis(20);
/// What this tool calls itself to a node.
const CLIENT: &str = concat!("cargo-system ", env!("CARGO_PKG_VERSION"));
/// No answer is longer.
const LINE_LEN_MAX: usize = 16 << 20;

/// A connection to a node.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    /// Read, and not yet a whole line.
    pending: Vec<u8>,
    root: String,
}

/// Why no reply came.
enum Lost {
    Time,
    HungUp,
    Interrupted,
    Broken(io::Error),
    Strange(String),
    /// The node says why it does not answer.
    Refused(Box<runtime::protocol::Failure>),
}

/// Connects; a node that is not there is an error that says where it was looked for.
pub(crate) fn connect(node: &NodePath) -> Result<Client, Failure> {
    let socket = node.layout.socket();
    let stream = connect_socket(&socket).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            Failure::error(format!("no node runs in {} ({})", node.root(), node.reason))
                .hint(format!("start it with {}, or name another one with --node", node.start()))
        }
        io::ErrorKind::PermissionDenied => Failure::error(format!("{} may not be opened: {error}", socket.display()))
            .hint("only the node's own user and root may control it"),
        io::ErrorKind::WouldBlock => Failure::error(format!("the node in {} takes no clients", node.root()))
            .hint("its log says why; it may be stopped or overloaded"),
        _ => Failure::error(format!("{} cannot be connected to: {error}", socket.display()))
            .hint("its log says why; cargo system ping asks again"),
    })?;
    Ok(Client { stream, pending: Vec::new(), root: node.root().to_string() })
}

/// Without blocking: a node that has been halted would never accept.
fn connect_socket(path: &Path) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let until = Instant::now() + PATIENCE;
    while let Err(error) = rustix::net::connect(&socket, &address) {
        if error != Errno::AGAIN || Instant::now() >= until || interrupt::happened() {
            return Err(error.into());
        }
        std::thread::sleep(AGAIN);
    }
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(interrupt::LOOK))?;
    Ok(stream)
}

impl Client {
    /// Asks, and waits for the end of the answer for that long at the most.
    pub(crate) fn ask(&mut self, command: Command, timeout: Duration) -> Result<Outcome, Failure> {
        self.follow(command, timeout, |_| ())
    }

    /// The same; `on_news` is called for each event on the way, and now and then without one.
    pub(crate) fn follow(
        &mut self,
        command: Command,
        timeout: Duration,
        mut on_news: impl FnMut(Option<Event>),
    ) -> Result<Outcome, Failure> {
        let on_news = |event| {
            on_news(event);
            ControlFlow::<Infallible>::Continue(())
        };
        let ControlFlow::Continue(outcome) = self.talk(command, timeout, on_news)?;
        Ok(outcome)
    }

    /// The same, for news that are printed as they come. `None`: nobody reads them any more.
    pub(crate) fn tell(
        &mut self,
        command: Command,
        timeout: Duration,
        mut show: impl FnMut(Event),
    ) -> Result<Option<Outcome>, Failure> {
        let told = self.talk(command, timeout, |event| {
            event.into_iter().for_each(&mut show);
            if output::is_unread() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        Ok(told?.continue_value())
    }

    fn talk<B>(
        &mut self,
        command: Command,
        timeout: Duration,
        mut on_news: impl FnMut(Option<Event>) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B, Outcome>, Failure> {
        let until = Instant::now() + timeout;
        let lost = Losses::of(&command, timeout);
        self.write(&Request { schema: SCHEMA, client: Some(CLIENT.to_owned()), command })
            .map_err(|error| lost.failure(&self.root, error))?;
        loop {
            let read = self.read(until, &mut || drop(on_news(None)));
            match read {
                Ok(Reply::Event(event)) => {
                    if let ControlFlow::Break(end) = on_news(Some(event)) {
                        return Ok(ControlFlow::Break(end));
                    }
                }
                Ok(Reply::Done(outcome)) => return Ok(ControlFlow::Continue(outcome)),
                Ok(Reply::Failed(failure)) => return Err(failure.into()),
                Err(error) => return Err(lost.failure(&self.root, error)),
            }
        }
    }

    fn write(&mut self, request: &impl Serialize) -> Result<(), Lost> {
        let mut line = serde_json::to_vec(request).map_err(|error| Lost::Broken(error.into()))?;
        line.push(b'\n');
        match self.stream.write_all(&line) {
            // A node that turns clients away has its answer ready, which says why.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Lost::Broken(error)),
            _ => Ok(()),
        }
    }

    /// The next reply. Events that a newer node knows and this tool does not are skipped.
    fn read(&mut self, until: Instant, idle: &mut dyn FnMut()) -> Result<Reply, Lost> {
        loop {
            let line = self.read_line(until, idle)?;
            let value: serde_json::Value =
                serde_json::from_slice(&line).map_err(|error| Lost::Strange(error.to_string()))?;
            let is_event = value["reply"] == "event";
            match serde_json::from_value(value) {
                Ok(reply) => return Ok(reply),
                Err(_) if is_event => {}
                Err(error) => return Err(Lost::Strange(error.to_string())),
            }
        }
    }

    fn read_line(&mut self, until: Instant, idle: &mut dyn FnMut()) -> Result<Vec<u8>, Lost> {
        let mut chunk = [0; 8192];
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                return Ok(self.pending.drain(..=end).collect());
            }
            if self.pending.len() > LINE_LEN_MAX {
                return Err(Lost::Strange(format!("a line of more than {LINE_LEN_MAX} bytes")));
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Err(Lost::HungUp),
                Ok(len) => self.pending.extend_from_slice(&chunk[..len]),
                Err(error) if is_pause(&error) => idle(),
                Err(error) => return Err(Lost::Broken(error)),
            }
            if interrupt::happened() {
                return Err(Lost::Interrupted);
            }
            if Instant::now() >= until {
                return Err(Lost::Time);
            }
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

/// What it means for a command that its answer is lost.
struct Losses {
    timeout: Duration,
    /// When the answer does not come in time.
    late: ExitCode,
    /// When the node goes away before it answers.
    gone: ExitCode,
}

impl Losses {
    fn of(command: &Command, timeout: Duration) -> Self {
        let (late, gone) = match command {
            Command::Ping
            | Command::Status
            | Command::Plan { .. }
            | Command::PlanRollback { .. }
            | Command::Processes { .. }
            | Command::Info { .. }
            | Command::Top { .. }
            | Command::Tree
            | Command::Kill { .. }
            | Command::Stack { .. }
            | Command::Profile { .. }
            | Command::Trace { .. }
            | Command::History { .. }
            | Command::Metrics
            | Command::Log { .. }
            | Command::LogLevel { .. }
            | Command::Console => (ExitCode::Error, ExitCode::Error),
            Command::Stop { .. } => (ExitCode::TimedOut, ExitCode::Error),
            Command::Upgrade { .. } | Command::Rollback { .. } | Command::Confirm => {
                (ExitCode::TimedOut, ExitCode::NotRolledBack)
            }
        };
        Self { timeout, late, gone }
    }

    fn failure(&self, root: &str, lost: Lost) -> Failure {
        let goes_on = self.late == ExitCode::TimedOut;
        match lost {
            Lost::Time if goes_on => {
                let message = format!("the node in {root} has not finished within {:?}, and goes on", self.timeout);
                Failure::new(self.late, message).hint(hints::STATUS)
            }
            Lost::Time => {
                Failure::new(self.late, format!("the node in {root} has not answered within {:?}", self.timeout))
                    .hint("its log says why; it may be stopped or overloaded")
            }
            Lost::Interrupted if goes_on => {
                Failure { message: "interrupted; the node goes on with it".to_owned(), ..interrupt::failure() }
                    .hint(hints::STATUS)
            }
            Lost::Interrupted => interrupt::failure(),
            Lost::HungUp => Failure::new(self.gone, format!("the node in {root} hung up before it answered"))
                .hint("its log says why; cargo system ping asks whether it is there"),
            Lost::Broken(error) => {
                Failure::new(self.gone, format!("the talk with the node in {root} broke: {error}")).hint(hints::STATUS)
            }
            Lost::Refused(failure) => (*failure).into(),
            Lost::Strange(what) => strange(root, &what),
        }
    }
}

fn strange(root: &str, what: &str) -> Failure {
    Failure::error(format!("the node in {root} answers what this tool does not understand: {what}"))
        .hint(hints::ANOTHER_VERSION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    /// What a client makes of a node that says `bytes` and hangs up.
    fn hears(bytes: &[u8], command: Command) -> (Result<Outcome, Failure>, Vec<Event>) {
        let (stream, mut node) = UnixStream::pair().expect("a pair of sockets");
        node.write_all(bytes).expect("written");
        node.shutdown(std::net::Shutdown::Write).expect("shut down");
        let mut client = Client { stream, pending: Vec::new(), root: "/node".to_owned() };
        let mut events = Vec::new();
        let outcome = client.follow(command, PATIENCE, |event| events.extend(event));
        (outcome, events)
    }

    fn upgrade() -> Command {
        Command::Upgrade {
            release: "1.0.0".to_owned(),
            force: false,
            confirm_within_ms: None,
            wait: false,
            from: None,
            follow_drain_ms: 0,
        }
    }

    #[test]
    fn events_come_before_the_end_and_unknown_ones_are_skipped() {
        let bytes = br#"{"reply":"event","event":"step","step":"check"}
{"reply":"event","event":"danced","steps":3}
{"reply":"done","outcome":"ok"}
"#;
        let (outcome, events) = hears(bytes, upgrade());
        assert!(matches!(outcome, Ok(Outcome::Ok)));
        assert_eq!(events, [Event::Step { step: "check".to_owned() }]);
    }

    #[test]
    fn a_node_that_goes_away_during_an_upgrade_has_not_rolled_back() {
        for bytes in [&b""[..], b"{\"reply\":\"ev"] {
            let (outcome, _) = hears(bytes, upgrade());
            assert_eq!(outcome.expect_err("hung up").code, ExitCode::NotRolledBack);
        }
        let (outcome, _) = hears(b"", Command::Ping);
        assert_eq!(outcome.expect_err("hung up").code, ExitCode::Error);
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [&b"hello\n"[..], b"{\"reply\":\"done\"}\n", b"\xff\n", b"[]\n"] {
            let error = hears(bytes, Command::Ping).0.expect_err("nonsense");
            assert!(error.message.contains("does not understand"), "{}", error.message);
        }
    }

    #[test]
    fn silence_ends_in_time() {
        let (stream, _node) = UnixStream::pair().expect("a pair of sockets");
        stream.set_read_timeout(Some(Duration::from_millis(1))).expect("set");
        let mut client = Client { stream, pending: Vec::new(), root: "/node".to_owned() };
        let error = client.ask(upgrade(), Duration::from_millis(5)).expect_err("silence");
        assert_eq!(error.code, ExitCode::TimedOut);
        assert_eq!(error.message, "the node in /node has not finished within 5ms, and goes on");
    }
}

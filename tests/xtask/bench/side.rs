//! The two sides of a benchmark: a node with `fixtures/bench`, and its peer: Erlang with `fixtures/erlang`, or tokio with
//! `fixtures/plain-tokio`. They have the same programs and speak the same lines, so the same code drives them.

use anyhow::{Context, Result, bail};
use std::cell::OnceCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;
use system_tests::cli::Cli;
use system_tests::erlang::Beams;
use system_tests::memory;
use system_tests::node::Node;
use system_tests::peer::Peer;
use system_tests::plain_tokio::PlainTokio;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;

const FIXTURE: &str = "bench";
/// A program that takes longer hangs.
const PROGRAM_TIME_MAX: Duration = Duration::from_secs(200);

/// What both sides are started from: built when it is needed first.
#[derive(Debug, Default)]
pub(crate) struct Sides {
    ours: OnceCell<(Sandbox, ReleaseFolder)>,
    beams: OnceCell<Beams>,
    tokio: OnceCell<PlainTokio>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The node.
    Ours,
    /// What it is measured beside.
    Peer,
}

/// What that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Erlang,
    Tokio,
}

/// A running side; killed when dropped.
#[derive(Debug)]
pub(crate) struct Side {
    system: System,
    control: BufReader<TcpStream>,
}

#[derive(Debug)]
enum System {
    Node(Node),
    Peer(Peer),
}

impl Sides {
    /// Starts that side; the peer is Erlang.
    pub(crate) fn start(&self, which: Which) -> Result<Side> {
        self.start_beside(Beside::Erlang, which)
    }

    /// Starts that side; the peer is this one.
    pub(crate) fn start_beside(&self, beside: Beside, which: Which) -> Result<Side> {
        let system = match which {
            Which::Ours => System::Node(self.node()?),
            Which::Peer => System::Peer(self.peer(beside, "")?),
        };
        let control = TcpStream::connect(system.listener("control")?)?;
        control.set_nodelay(true)?;
        control.set_read_timeout(Some(PROGRAM_TIME_MAX))?;
        Ok(Side { system, control: BufReader::new(control) })
    }

    /// The command that starts that side, as people who ship it would, with its first listener on this port.
    pub(crate) fn command(&self, which: Which, port: u16) -> Result<Command> {
        Ok(match which {
            Which::Ours => {
                let start = Cli::of(&self.release()?.1.root().join("bin").join(FIXTURE));
                start.args(["start", "--listen", &format!("127.0.0.1:{port}")]).into_command()
            }
            Which::Peer => self.beams()?.command(&[], "", port),
        })
    }

    /// A peer that calls itself so.
    pub(crate) fn peer(&self, beside: Beside, version: &str) -> Result<Peer> {
        match beside {
            Beside::Erlang => self.beams()?.start(version),
            Beside::Tokio => get_or_try(&self.tokio, PlainTokio::build)?.start(version),
        }
    }

    fn beams(&self) -> Result<&Beams> {
        get_or_try(&self.beams, Beams::compile)
    }

    fn node(&self) -> Result<Node> {
        let (sandbox, release) = self.release()?;
        sandbox.start(release)
    }

    /// As it is shipped.
    fn release(&self) -> Result<&(Sandbox, ReleaseFolder)> {
        get_or_try(&self.ours, || {
            let sandbox = Sandbox::releasable(FIXTURE)?;
            let release = sandbox.release("release")?;
            Ok((sandbox, release))
        })
    }
}

fn get_or_try<T>(cell: &OnceCell<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    if cell.get().is_none() {
        // It was empty a line ago.
        let _: Result<(), T> = cell.set(make()?);
    }
    cell.get().context("just made")
}

impl System {
    fn listener(&self, name: &str) -> Result<SocketAddr> {
        let address = match self {
            Self::Node(node) => node.listener(name),
            Self::Peer(peer) => peer.listener(name),
        };
        address.with_context(|| format!("there is no listener {name}"))
    }

    fn os_pid(&self) -> u32 {
        match self {
            Self::Node(node) => node.os_pid(),
            Self::Peer(peer) => peer.os_pid(),
        }
    }
}

impl Side {
    /// Runs a program; returns what it measured.
    pub(crate) fn ask(&mut self, program: &str) -> Result<Vec<f64>> {
        self.control.get_mut().write_all(format!("{program}\n").as_bytes())?;
        let mut answer = String::new();
        self.control.read_line(&mut answer).with_context(|| format!("{program}: no answer"))?;
        let answer = answer.trim();
        if answer.is_empty() || answer.starts_with("error: ") {
            bail!("{program}: {}", answer.strip_prefix("error: ").unwrap_or("the program failed"));
        }
        let numbers = answer.split(' ').map(str::parse).collect::<Result<_, _>>();
        numbers.with_context(|| format!("{program} answered {answer:?}"))
    }

    /// Where that listener is bound.
    pub(crate) fn listener(&self, name: &str) -> Result<SocketAddr> {
        self.system.listener(name)
    }

    /// Processor time that its OS process has used, its own and the kernel's for it.
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        memory::processor_seconds(self.system.os_pid())
    }

    /// Resident bytes of its OS process.
    pub(crate) fn resident_bytes(&self) -> Result<f64> {
        Ok(f64::from(memory::resident_kib(self.system.os_pid())?) * 1024.0)
    }
}

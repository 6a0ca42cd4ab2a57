//! A small TCP application is upgraded while 50 clients talk to it: `fixtures/sessions`, whose connections are WebSockets, beside an
//! Erlang application whose connections are lines (`fixtures/erlang-release`), by OTP's release handler. Both sides' connections have a
//! state that changes its shape; both go up and down between two releases.
//!
//! ```text
//! clients talk ── WARM ─► before ── LEAD ─► upgrade begins ── … ─► upgrade done ── LEAD ─► stop
//! ```

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::Which;
use super::up_and_down::UpAndDown;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::cell::Cell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use system_tests::cli::Cli;
use system_tests::erlang_release::ErlangRelease;
use system_tests::sandbox::Sandbox;
use system_tests::websocket::{Frame, WebSocket};

const ROUNDS: u32 = 5;
const CLIENTS: usize = 50;
/// Before anything is measured.
const WARM: Duration = Duration::from_millis(300);
/// Measured before the upgrade, and after it.
const LEAD: Duration = Duration::from_secs(1);
const REPLY_TIME_MAX: Duration = Duration::from_secs(30);

/// Of an upgrade: how long it took, the longest time without any reply from its begin until its end, the 99th percentiles of replies
/// before and meanwhile; milliseconds.
type Upgraded = [f64; 4];

/// Measures.
pub(super) fn run() -> Result<Vec<Measurement>> {
    let (state, moved) = ("struct Count {\n    messages: u64,\n", "    #[serde(default)]\n    moved: u64,\n");
    let ours = UpAndDown::start(Sandbox::releasable("sessions")?, "src/lib.rs", state, &format!("{state}{moved}"))?;
    let peer = ErlangRelease::make()?;
    let peer = peer.start()?;
    let listener = |name| peer.listener(name).with_context(|| format!("no listener {name}"));
    let (line, mut control) = (listener("line")?, BufReader::new(TcpStream::connect(listener("control")?)?));
    let upgrades = Cell::new(0);
    let mut measure = |which| match which {
        Which::Ours => upgrade(|| Socket::open(ours.node.address()), || succeed(ours.upgrade(None))),
        Which::Peer => {
            let version = if upgrades.replace(upgrades.get() + 1) % 2 == 0 { "2" } else { "1" };
            upgrade(|| Lines::open(line), || install(&mut control, version))
        }
    };
    // The first upgrade loads code, which the others find loaded.
    measure(Which::Ours)?;
    measure(Which::Peer)?;
    let rounds = alternate(ROUNDS, measure)?;
    let quantity = |name: &str, at: usize| {
        Measurement::new(format!("upgrade_50{name}"), "ms", Better::Less, &pick(&rounds, |upgraded| upgraded[at]))
    };
    let slower = pick(&rounds, |upgraded| upgraded[3] / upgraded[2]);
    Ok(vec![
        quantity("", 0),
        quantity(" silence", 1),
        quantity(" p99 before", 2),
        quantity(" p99 meanwhile", 3),
        Measurement::new("upgrade_50 p99 meanwhile to before", "×", Better::Less, &slower),
    ])
}

/// A client that asks, and waits for the reply: that so many messages have come on this connection.
trait Client: Send {
    fn ask(&mut self) -> Result<u64>;
}

struct Socket(WebSocket);

impl Socket {
    fn open(address: SocketAddr) -> Result<Self> {
        let open = WebSocket::open(address, "/count");
        open.map(Self).map_err(|failure| anyhow!("{failure:?}"))
    }
}

impl Client for Socket {
    fn ask(&mut self) -> Result<u64> {
        let said = self.0.send_text("hello").and_then(|()| self.0.receive());
        match said.map_err(|failure| anyhow!("{failure:?}"))? {
            Frame::Text(text) => counted(&text),
            Frame::Close(code) => bail!("closed with {code:?}"),
        }
    }
}

struct Lines(BufReader<TcpStream>);

impl Lines {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIME_MAX))?;
        Ok(Self(BufReader::new(stream)))
    }
}

impl Client for Lines {
    fn ask(&mut self) -> Result<u64> {
        self.0.get_mut().write_all(b"hello\n")?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        counted(&line)
    }
}

/// `BUILD count …`
fn counted(text: &str) -> Result<u64> {
    let count = text.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    count.with_context(|| format!("{text:?}"))
}

/// One upgrade under load, after which nothing is lost.
fn upgrade<C: Client>(open: impl Fn() -> Result<C>, install: impl FnOnce() -> Result<()>) -> Result<Upgraded> {
    let clients: Vec<C> = (0..CLIENTS).map(|_| open()).collect::<Result<_>>()?;
    let is_over = AtomicBool::new(false);
    let (replies, begun, done) = thread::scope(|scope| {
        let talking: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| talk(client, &is_over))).collect();
        thread::sleep(WARM + LEAD);
        let begun = Instant::now();
        let installed = install();
        let done = Instant::now();
        thread::sleep(LEAD);
        is_over.store(true, Ordering::Relaxed);
        let talked = talking.into_iter().map(|client| client.join().map_err(|_| anyhow!("a client panicked"))?);
        let replies = talked.collect::<Result<Vec<_>>>()?.concat();
        installed.map(|()| (replies, begun, done))
    })?;
    let ends_in =
        |from: Instant, until: Instant| replies.iter().filter(move |(_, replied)| (from..until).contains(replied));
    let p99 = |from, until| percentile_99(ends_in(from, until).map(|(asked, replied)| *replied - *asked).collect());
    let mut ends: Vec<Instant> = ends_in(begun, done).map(|(_, replied)| *replied).chain([begun, done]).collect();
    ends.sort_unstable();
    let silence = ends.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    Ok([done - begun, silence, p99(begun - LEAD, begun), p99(begun, done)].map(|time| time.as_secs_f64() * 1e3))
}

/// When each question was asked, and replied to.
fn talk(mut client: impl Client, is_over: &AtomicBool) -> Result<Vec<(Instant, Instant)>> {
    let mut replies = Vec::with_capacity(1 << 17);
    while !is_over.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let count = client.ask()?;
        replies.push((asked, Instant::now()));
        ensure!(count == replies.len() as u64, "reply {count} to message {}", replies.len());
    }
    Ok(replies)
}

fn percentile_99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

fn succeed(upgrade: Cli) -> Result<()> {
    let said = upgrade.run()?;
    ensure!(said.code == 0, "the upgrade ended with {}: {}", said.code, said.stderr);
    Ok(())
}

/// By OTP's release handler.
fn install(control: &mut BufReader<TcpStream>, version: &str) -> Result<()> {
    writeln!(control.get_mut(), "{version}")?;
    let mut took = String::new();
    control.read_line(&mut took)?;
    took.trim().parse::<f64>().map(drop).with_context(|| format!("the release handler said {took:?}"))
}

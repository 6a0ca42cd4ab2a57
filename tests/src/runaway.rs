//! The fixture `runaway`: its node, and the lines that are asked of it.

use crate::node::Node;
use crate::sandbox::Sandbox;
use crate::wait;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// For whatever has to happen some time.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A line to the node's fixture, and its answer.
#[derive(Debug)]
pub struct Control(BufReader<TcpStream>);

impl Control {
    /// Connected to that node.
    ///
    /// # Panics
    /// When it does not listen.
    #[must_use]
    pub fn open(node: &Node) -> Self {
        Self(connect(node.listener("control").expect("it listens")))
    }

    /// What it says to that line.
    ///
    /// # Panics
    /// When it says nothing in time.
    pub fn ask(&mut self, line: &str) -> String {
        self.0.get_mut().write_all(format!("{line}\n").as_bytes()).expect("sent");
        let mut answer = String::new();
        self.0.read_line(&mut answer).expect("an answer");
        answer.trim().to_owned()
    }

    /// Waits until it runs. One that is killed before is simply dropped.
    pub fn until_it_runs(&mut self, pid: &str) {
        self.until_it_has_used(Duration::from_millis(1), pid);
    }

    /// Waits until it has used so much processor time.
    ///
    /// # Panics
    /// When it has not in time.
    pub fn until_it_has_used(&mut self, time: Duration, pid: &str) {
        wait::until("it runs", LIMIT, || {
            let info = self.ask(&format!("info {pid}"));
            info.split_once(' ')?.0.parse().ok().filter(|used| Duration::from_micros(*used) > time)
        })
        .expect("it runs");
    }

    /// Starts one of that kind: its pid.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&mut self, kind: &str) -> String {
        let pid = self.ask(&format!("start {kind}"));
        assert!(pid.starts_with('<'), "{pid}");
        pid
    }

    /// Starts one that spins, and waits until it does: its pid.
    ///
    /// # Panics
    /// When it cannot be started, or does not run in time.
    pub fn start_spinner(&mut self) -> String {
        let pid = self.start("spin");
        self.until_it_has_used(Duration::from_millis(20), &pid);
        pid
    }

    /// How far each that counts has come, in the order in which they were started.
    ///
    /// # Panics
    /// When the answer has something else in it.
    pub fn counts(&mut self) -> Vec<u64> {
        self.ask("counts").split(' ').map(|count| count.parse().expect("a number")).collect()
    }
}

/// A connection that does not wait for ever.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
    BufReader::new(stream)
}

/// A node with the fixture.
///
/// # Panics
/// When it cannot be built or started.
#[must_use]
pub fn node() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("runaway").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

/// A number of the node's status.
///
/// # Panics
/// When there is none of that name.
#[must_use]
pub fn number(node: &Node, field: &str) -> u64 {
    node.status()[field].as_u64().expect("a number")
}

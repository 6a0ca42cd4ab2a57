//! The load client: four kinds of clients, each a thread of its own, and a taxonomy of what became of their requests.
//!
//! | kind | does | must see |
//! |---|---|---|
//! | `keep-alive` | one request after the other on one connection | right sums; a close only with notice |
//! | `connection` | a connection for each request | right sums; versions that never go backwards |
//! | `slow` | requests that take longer than an upgrade | the answer of the version that accepted them |
//! | `echo` | a WebSocket for the whole run, numbered messages | each once, in order, never closed |
//!
//! Clients never retry: a request that failed is a failure. Answers are judged when the run is over, because only then is
//! it known which version was current when (see [`versions`]).

mod client;
mod echo;
pub mod histogram;
pub mod outcome;
pub mod versions;

use client::{Answer, Client};
use outcome::{Report, Tally};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use versions::VersionLog;

/// How many clients of each kind.
#[derive(Clone, Copy, Debug)]
pub struct Mix {
    /// One connection, many requests.
    pub keep_alive: u32,
    /// A connection for each request.
    pub connection: u32,
    /// Requests that take long.
    pub slow: u32,
    /// WebSockets that stay open.
    pub echo: u32,
    /// Each client's rest between two requests.
    pub pace: Duration,
}

impl Default for Mix {
    fn default() -> Self {
        // A load that leaves the compiler room on a small machine.
        Self { keep_alive: 8, connection: 4, slow: 8, echo: 8, pace: Duration::from_millis(5) }
    }
}

/// What all clients of a run share.
#[derive(Debug)]
struct Run {
    address: SocketAddr,
    pace: Duration,
    stopped: AtomicBool,
}

impl Run {
    fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// A client's rest between two requests.
    fn rest(&self) {
        if !self.pace.is_zero() {
            std::thread::sleep(self.pace);
        }
    }
}

/// What one client's thread leaves.
#[derive(Debug, Default)]
struct Harvest {
    tally: Tally,
    answers: Vec<Answer>,
}

/// A load that is on.
#[derive(Debug)]
pub struct Load {
    run: Arc<Run>,
    versions: Arc<VersionLog>,
    clients: Vec<(&'static str, JoinHandle<Harvest>)>,
}

impl Load {
    /// Starts the clients.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(address: SocketAddr, mix: Mix, versions: Arc<VersionLog>) -> std::io::Result<Self> {
        let run = Arc::new(Run { address, pace: mix.pace, stopped: AtomicBool::new(false) });
        let mut load = Self { run, versions, clients: vec![] };
        for number in 0..mix.keep_alive {
            load.client("keep-alive", move |run| Client::new(run, number).keep_alive())?;
        }
        for number in 0..mix.connection {
            load.client("connection", move |run| Client::new(run, number).connection_each())?;
        }
        for number in 0..mix.slow {
            load.client("slow", move |run| Client::new(run, number).slow())?;
        }
        for number in 0..mix.echo {
            load.client("echo", move |run| echo::run(run, number))?;
        }
        Ok(load)
    }

    /// Ends the run: each client finishes what is under way, then all answers are judged.
    ///
    /// # Panics
    /// When a client has panicked.
    #[must_use]
    pub fn stop(self) -> Report {
        self.run.stopped.store(true, Ordering::Relaxed);
        let mut report = Report::default();
        for (kind, client) in self.clients {
            let mut harvest = client.join().expect("clients do not panic");
            for answer in &harvest.answers {
                answer.judge(&self.versions, &mut harvest.tally);
            }
            report.kinds.entry(kind).or_default().add(&harvest.tally);
        }
        report
    }

    fn client(&mut self, kind: &'static str, f: impl FnOnce(&Run) -> Harvest + Send + 'static) -> std::io::Result<()> {
        let run = Arc::clone(&self.run);
        let thread = std::thread::Builder::new().name(kind.into()).stack_size(256 * 1024).spawn(move || f(&run))?;
        self.clients.push((kind, thread));
        Ok(())
    }
}

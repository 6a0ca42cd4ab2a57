//! A peer of the benchmarks, as it runs: Erlang, or plain tokio. Started, and killed when dropped.

use crate::{tied, wait};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command};
use std::time::Duration;

/// One starts within this time, or does not.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// See the file's head.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Peer {
    /// Starts one that says in its first line where it listens.
    ///
    /// # Errors
    /// When it does not say so.
    pub fn start(command: Command) -> Result<Self> {
        let said = tempfile::NamedTempFile::new()?;
        let mut command = tied::to_us(&command);
        command.stdout(said.reopen()?);
        let child = command.spawn().with_context(|| command.get_program().display().to_string())?;
        let mut peer = Self { child, listeners: BTreeMap::new() };
        let line = wait::until("the peer says where it listens", START_TIME_MAX, || {
            std::fs::read_to_string(said.path()).ok().filter(|said| said.ends_with('\n'))
        })?;
        peer.listeners = listeners(&line).with_context(|| format!("the peer said {line:?}"))?;
        Ok(peer)
    }

    /// Where that listener is bound.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.get(name).copied()
    }

    /// Its OS process.
    #[must_use]
    pub fn os_pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// `control 4000 echo 4001 …`
fn listeners(line: &str) -> Option<BTreeMap<String, SocketAddr>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let listener = |pair: &[&str]| {
        let [name, port] = pair else { return None };
        Some(((*name).to_owned(), SocketAddr::from((Ipv4Addr::LOCALHOST, port.parse().ok()?))))
    };
    words.chunks(2).map(listener).collect()
}

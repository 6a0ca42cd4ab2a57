//! The benchmarks' other peer: Erlang programs that do the same work (`fixtures/erlang`).

use crate::cli::Cli;
use crate::{wait, workspace};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use tempfile::TempDir;

/// A system starts within this time, or does not.
const START_TIME_MAX: Duration = Duration::from_secs(30);
/// More processes than Erlang has by default. No more than needed: it makes the table for them when it starts.
const PROCESSES_MAX: &str = "2000000";

/// The compiled programs.
#[derive(Debug)]
pub struct Beams {
    folder: TempDir,
}

/// A running system; killed when dropped.
#[derive(Debug)]
pub struct Erlang {
    child: Child,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Beams {
    /// Compiles them.
    ///
    /// # Errors
    /// When there is no Erlang, or they do not compile.
    pub fn compile() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut modules = Vec::new();
        for entry in std::fs::read_dir(workspace::root().join("tests/fixtures/erlang"))? {
            modules.push(entry?.path());
        }
        let said = Cli::of(Path::new("erlc")).args(["-Werror", "-o"]).args([folder.path()]).args(modules).run();
        let said = said.context("Erlang's compiler (Debian's package erlang-base has it)")?;
        ensure!(said.code == 0, "erlc ended with {}:\n{}{}", said.code, said.stdout, said.stderr);
        Ok(Self { folder })
    }

    /// Starts a system that serves the programs, as `version`.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(&self, version: &str) -> Result<Erlang> {
        let command = self.command(&["+P", PROCESSES_MAX], version, 0);
        Erlang::start(command, &self.folder.path().join("listeners"))
    }

    /// A call of `erl` with these flags that serves, the control listener on `port`, or on any when that is 0.
    #[must_use]
    pub fn command(&self, flags: &[&str], version: &str, port: u16) -> Command {
        let cli = Cli::of(Path::new("erl")).args(flags).args(["-noinput", "-pa"]).args([self.folder.path()]);
        let cli = cli.args(["-s", "bench", "main", "-extra", version, &port.to_string()]);
        cli.env("ERL_CRASH_DUMP", "/dev/null").into_command()
    }
}

impl Erlang {
    /// Starts a system that says where it listens, in its first line, into that file.
    ///
    /// # Errors
    /// When it does not say so.
    pub fn start(mut command: Command, said: &Path) -> Result<Self> {
        command.stdout(std::fs::File::create(said)?);
        let mut erlang = Self { child: command.spawn().context("erl")?, listeners: BTreeMap::new() };
        let line = wait::until("Erlang says where it listens", START_TIME_MAX, || {
            std::fs::read_to_string(said).ok().filter(|said| said.ends_with('\n'))
        })?;
        erlang.listeners = listeners(&line).with_context(|| format!("Erlang said {line:?}"))?;
        Ok(erlang)
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

impl Drop for Erlang {
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

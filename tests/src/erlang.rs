//! A peer of the benchmarks: Erlang programs that do the same work (`fixtures/erlang`).

use crate::cli::Cli;
use crate::peer::Peer;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// More processes than Erlang has by default. No more than needed: it makes the table for them when it starts.
const PROCESSES_MAX: &str = "2000000";

/// The compiled programs.
#[derive(Debug)]
pub struct Beams {
    folder: TempDir,
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
    pub fn start(&self, version: &str) -> Result<Peer> {
        Peer::start(self.command(&["+P", PROCESSES_MAX], version, 0))
    }

    /// A call of `erl` with these flags that serves, the control listener on `port`, or on any when that is 0.
    #[must_use]
    pub fn command(&self, flags: &[&str], version: &str, port: u16) -> Command {
        let cli = Cli::of(Path::new("erl")).args(flags).args(["-noinput", "-pa"]).args([self.folder.path()]);
        let cli = cli.args(["-s", "bench", "main", "-extra", version, &port.to_string()]);
        cli.env("ERL_CRASH_DUMP", "/dev/null").into_command()
    }
}

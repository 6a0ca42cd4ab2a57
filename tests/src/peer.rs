//! The benchmarks' peer: plain tokio, doing the same work (`fixtures/plain-tokio`).

use crate::cli::Cli;
use crate::{sandbox, seed, workspace};
use anyhow::{Context, Result, ensure};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};

const NAME: &str = "plain-tokio";

/// A serving peer; killed when dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    address: SocketAddr,
}

impl Peer {
    /// Serves `/api/version` with this version, on a free port.
    ///
    /// # Errors
    /// When it does not build or start.
    pub fn serve(version: &str) -> Result<Self> {
        let mut command = Cli::of(&build()?).args(["serve", version]).into_command();
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its output")?).read_line(&mut line)?;
        let address = line.trim().parse().with_context(|| format!("the peer said {line:?}"));
        match address {
            Ok(address) => Ok(Self { child, address }),
            Err(error) => {
                end(&mut child);
                Err(error)
            }
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended already.
    let _: std::io::Result<()> = child.kill();
    let _: std::io::Result<std::process::ExitStatus> = child.wait();
}

/// Resident bytes before and after that many idle tasks were spawned.
///
/// # Errors
/// When it does not build, or says something else.
pub fn idle(tasks: u32) -> Result<(u64, u64)> {
    let said = Cli::of(&build()?).args(["idle", &tasks.to_string()]).run()?;
    ensure!(said.code == 0, "the peer failed:\n{}", said.stderr);
    let numbers = said.stdout.trim().split_once(' ').context("two numbers")?;
    Ok((numbers.0.parse()?, numbers.1.parse()?))
}

/// Builds it in the release profile; returns the executable.
fn build() -> Result<PathBuf> {
    let folder = seed::folder()?;
    let sources = folder.join("seed-sources").join(NAME);
    sandbox::lay_out(NAME, &sources)?;
    let target = folder.join("peer").display().to_string();
    let files = workspace::build(&sources, &["--release"], &[("CARGO_TARGET_DIR", &target)])?;
    let executable = files.into_iter().find(|file| file.file_name().is_some_and(|name| name == NAME));
    executable.context("cargo reported no executable of the peer")
}

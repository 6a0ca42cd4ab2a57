//! A peer of the benchmarks: programs that do the same work on plain tokio (`fixtures/plain-tokio`).

use crate::cli::Cli;
use crate::peer::Peer;
use crate::{sandbox, seed, workspace};
use anyhow::{Context, Result};
use std::path::PathBuf;

const NAME: &str = "plain-tokio";

/// The built executable.
#[derive(Debug)]
pub struct PlainTokio(PathBuf);

impl PlainTokio {
    /// Builds it in the release profile.
    ///
    /// # Errors
    /// When it does not build.
    pub fn build() -> Result<Self> {
        let folder = seed::folder()?;
        let sources = folder.join("seed-sources").join(NAME);
        sandbox::lay_out(NAME, &sources)?;
        let target = folder.join("peer").display().to_string();
        let files = workspace::build(&sources, &["--release"], &[("CARGO_TARGET_DIR", &target)])?;
        let executable = files.into_iter().find(|file| file.file_name().is_some_and(|name| name == NAME));
        executable.map(Self).context("cargo reported no executable of the peer")
    }

    /// Starts one that serves the programs, as `version`.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(&self, version: &str) -> Result<Peer> {
        Peer::start(Cli::of(&self.0).args([version]).into_command())
    }
}

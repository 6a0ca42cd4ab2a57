//! A peer of the benchmarks: a program that reloads a library by hot-lib-reloader (`fixtures/hot-reload`).

use crate::cli::Cli;
use crate::peer::Peer;
use crate::{sandbox, seed, workspace};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

const NAME: &str = "hot-reload";

/// The built executable.
#[derive(Debug)]
pub struct HotReload(PathBuf);

impl HotReload {
    /// Builds it in the release profile, of what its own lock file says.
    ///
    /// # Errors
    /// When it does not build.
    pub fn build() -> Result<Self> {
        let target = seed::folder()?.join("peer").display().to_string();
        let arguments = ["--release", "--locked"];
        let files = workspace::build(&sandbox::source(NAME), &arguments, &[("CARGO_TARGET_DIR", &target)])?;
        let executable = files.into_iter().find(|file| file.file_name().is_some_and(|name| name == NAME));
        executable.map(Self).context("cargo reported no executable of the peer")
    }

    /// Starts one that answers at `http` what the library in that folder says.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(&self, folder: &Path) -> Result<Peer> {
        Peer::start(Cli::of(&self.0).args([folder]).into_command())
    }
}

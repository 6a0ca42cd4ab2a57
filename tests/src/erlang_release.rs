//! A release of Erlang's that is upgraded by OTP's own release handler: `fixtures/erlang-release`, a small TCP application.

use crate::cli::Cli;
use crate::peer::Peer;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with the releases `1` and `2`, as OTP's tools make them.
#[derive(Debug)]
pub struct ErlangRelease {
    folder: TempDir,
}

impl ErlangRelease {
    /// Makes it.
    ///
    /// # Errors
    /// When there is no Erlang, or its tools refuse.
    pub fn make() -> Result<Self> {
        let sources = workspace::root().join("tests/fixtures/erlang-release");
        let made = Self { folder: tempfile::tempdir()? };
        std::fs::create_dir(made.tools())?;
        let compile =
            Cli::of(Path::new("erlc")).args(["-Werror", "-o"]).args([made.tools(), sources.join("line_release.erl")]);
        finish(compile)?;
        let make = Cli::of(Path::new("erl")).args(["-noinput", "-pa"]).args([made.tools()]);
        finish(make.args(["-run", "line_release", "make"]).args([made.folder.path(), &sources]))?;
        Ok(made)
    }

    /// Starts the first of the two. Its listeners: `line`, which is served, and `control`, which takes the version to be installed.
    ///
    /// # Errors
    /// When it does not say where it listens.
    pub fn start(&self) -> Result<Peer> {
        let (folder, releases) = (self.folder.path(), self.folder.path().join("releases"));
        let boot = Cli::of(Path::new("erl")).args(["-noinput", "-boot"]).args([releases.join("1/start")]);
        let boot = boot.args(["-boot_var", "LINE"]).args([folder]).args(["-folder"]).args([folder]);
        let boot = boot.args(["-pa"]).args([self.tools()]);
        let boot = boot.args(["-sasl", "releases_dir", &format!("{:?}", releases.display().to_string())]);
        let boot = boot.args(["-sasl", "sasl_error_logger", "false", "-eval", "line_release:known()"]);
        Peer::start(boot.env("ERL_CRASH_DUMP", "/dev/null").into_command())
    }

    fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }
}

fn finish(cli: Cli) -> Result<()> {
    let said = cli.env("ERL_CRASH_DUMP", "/dev/null").run().context("Erlang (Debian's package erlang-base has it)")?;
    ensure!(said.code == 0, "Erlang ended with {}:\n{}{}", said.code, said.stdout, said.stderr);
    Ok(())
}

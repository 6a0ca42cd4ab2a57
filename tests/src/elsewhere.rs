//! A release of the example, moved to another place; its own command, with an environment that knows no cargo.

use crate::cli::{Cli, Said};
use crate::sandbox::{EXAMPLE, Sandbox};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A path with what every machine has, and no cargo.
const BARE_PATH: &str = "/usr/bin:/bin";

/// See the file's head.
#[derive(Debug)]
pub struct Elsewhere {
    sandbox: Sandbox,
    root: PathBuf,
}

impl Elsewhere {
    /// Makes it; what it was made of is gone then.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        let sandbox = Sandbox::releasable(EXAMPLE).expect("the example builds");
        let made = sandbox.release("made").expect("a release");
        let root = sandbox.beside("elsewhere");
        let copied = Command::new("cp").arg("-a").arg(made.root()).arg(&root).status().expect("cp");
        assert!(copied.success());
        fs::remove_dir_all(made.root()).expect("the first place goes");
        fs::remove_dir_all(sandbox.workspace()).expect("the sources go");
        Self { sandbox, root }
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A place beside.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.sandbox.beside(name)
    }

    /// Its command, in the root folder.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Cli {
        bare(Cli::of(&self.root.join("bin").join(EXAMPLE)).args(words).in_folder(Path::new("/")))
    }

    /// The same, called; it ends with that code.
    ///
    /// # Panics
    /// When it ends otherwise.
    #[must_use]
    #[track_caller]
    pub fn expect(&self, words: &[&str], code: i32) -> Said {
        self.command(words).expect(code)
    }
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self::new()
    }
}

fn bare(cli: Cli) -> Cli {
    let mut cli = cli.env("PATH", BARE_PATH);
    for forgotten in ["CARGO", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
        cli = cli.without(forgotten);
    }
    cli
}

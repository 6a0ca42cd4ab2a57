//! A newcomer's machine: a clone of the repository in a clean folder, a home and a cargo home with nothing but the registry, and no variable
//! of whoever tests.
//!
//! ```text
//! <temporary>/meine Öfen/       the clone, and what the newcomer makes beside it
//! <temporary>/home/, cargo/     HOME and CARGO_HOME
//! ```
//!
//! Nothing is optimised: all is built from nothing here, for a third of the time so, and nothing is measured.

use crate::cli::Cli;
use crate::seed::{Copy, copy_tree};
use crate::workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A folder with a space and an umlaut in it, as people have them.
const FOLDER: &str = "meine Öfen";
/// What a clone does not have.
const NOT_CLONED: [&str; 2] = ["target", ".git"];
/// What of a cargo home is the registry, and says where it is.
const REGISTRY: [&str; 2] = ["registry", "config.toml"];
/// What every machine has, and no cargo.
const BARE_PATH: &str = "/usr/bin:/bin";

/// See the file's head.
#[derive(Debug)]
pub struct Newcomer {
    place: TempDir,
    readme: String,
}

impl Newcomer {
    /// With a clone of that name, and nothing built.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn new(clone: &str) -> Result<Self> {
        let root = workspace::root();
        let newcomer = Self { place: tempfile::tempdir()?, readme: fs::read_to_string(root.join("README.md"))? };
        fs::create_dir(newcomer.home())?;
        copy_entries(&root, &newcomer.beside(clone), |name| !NOT_CLONED.contains(&name))?;
        copy_entries(&cargo_home()?, &newcomer.cargo_home(), |name| REGISTRY.contains(&name))?;
        Ok(newcomer)
    }

    /// What is in the clean folder, or will be.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(FOLDER).join(name)
    }

    /// A command as README has it, with `more` behind.
    ///
    /// # Errors
    /// When README does not have it, or there is no compiler.
    pub fn types(&self, command: &str, more: &[&str], folder: &Path) -> Result<Cli> {
        ensure!(self.readme.contains(command), "README does not have {command:?}");
        let compilers = compilers()?;
        let variables = [
            format!("PATH={}:{BARE_PATH}", compilers.display()),
            format!("HOME={}", self.home().display()),
            format!("CARGO_HOME={}", self.cargo_home().display()),
            // A free one.
            "PORT=0".to_owned(),
            "CARGO_PROFILE_RELEASE_OPT_LEVEL=0".to_owned(),
        ];
        // One command becomes the shell, so that whoever ends the one ends the other.
        let exec = if command.contains("&&") { "" } else { "exec " };
        let script = format!(r#"{exec}{command} "$@""#);
        Ok(env(&variables).args(["sh", "-c", &script, "sh"]).args(more).in_folder(folder))
    }

    /// A program on a machine that has no cargo.
    #[must_use]
    pub fn without_cargo(&self, program: &Path) -> Cli {
        env(&[format!("PATH={BARE_PATH}")]).args([program]).in_folder(Path::new("/"))
    }

    fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    fn cargo_home(&self) -> PathBuf {
        self.place.path().join("cargo")
    }
}

/// What is called with these variables, and no others.
fn env(variables: &[String]) -> Cli {
    Cli::of("env".as_ref()).args(["-i"]).args(variables)
}

/// Where `cargo` and `rustc` themselves are, not what chooses among several.
fn compilers() -> Result<PathBuf> {
    let said = Command::new("rustc").args(["--print", "sysroot"]).output().context("rustc")?;
    ensure!(said.status.success(), "rustc: {}", String::from_utf8_lossy(&said.stderr));
    Ok(Path::new(String::from_utf8(said.stdout)?.trim()).join("bin"))
}

fn cargo_home() -> Result<PathBuf> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    given.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home")
}

/// Copies what is in a folder and has one of the names that are wanted.
fn copy_entries(from: &Path, to: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (name, copy) = (entry.file_name(), to.join(entry.file_name()));
        if !is_wanted(&name.to_string_lossy()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_tree(&entry.path(), &copy, &|_| Copy::Bytes)?;
        } else {
            let _bytes: u64 = fs::copy(entry.path(), copy)?;
        }
    }
    Ok(())
}

//! A newcomer's machine: a clone of the repository in a clean folder, a home and a cargo home with nothing but the registry, and no variable
//! of whoever tests.
//!
//! ```text
//! <the place's folder>/meine Öfen/       the clone, and what the newcomer makes beside it
//! <the place's folder>/home/, cargo/     HOME and CARGO_HOME
//! ```
//!
//! Nothing is optimised: all is built from nothing here, for a third of the time so, and nothing is measured.

use crate::cli::Cli;
use crate::place::Place;
use crate::seed::{Copy, copy_tree};
use crate::workspace;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A folder with a space and an umlaut in it, as people have them.
const FOLDER: &str = "meine Öfen";
/// What of a cargo home is the registry. What is unpacked there cargo unpacks again.
const REGISTRY: [&str; 2] = ["registry/cache", "registry/index"];
/// What of cargo's configuration says where that is, and how to get there.
const WHERE: [&str; 5] = ["source", "registries", "registry", "net", "http"];
/// Folders that a clone does not have, or has its own.
const NOT_CLONED: [&str; 2] = ["target", ".git"];
/// What every machine has, and no cargo.
const BARE_PATH: &str = "/usr/bin:/bin";

/// See the file's head.
#[derive(Debug)]
pub struct Newcomer {
    place: Place,
    readme: String,
}

impl Newcomer {
    /// With a clone of that name, and nothing built.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub fn new(clone: &str) -> Result<Self> {
        let readme = fs::read_to_string(workspace::root().join("README.md"))?;
        let newcomer = Self { place: Place::take()?, readme };
        fs::create_dir(newcomer.home())?;
        copy_sources(&newcomer.beside(clone))?;
        copy_registry(&newcomer.cargo_home())?;
        Ok(newcomer)
    }

    /// What is in the clean folder, or will be.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.place.root().join(FOLDER).join(name)
    }

    /// The commands of README's first block under this heading, without comments.
    ///
    /// # Errors
    /// When there is none.
    pub fn commands(&self, heading: &str) -> Result<Vec<&str>> {
        let section = self.readme.split_once(&format!("\n## {heading}\n")).context("README has no such heading")?.1;
        let block = section.split_once("```sh\n").and_then(|(_, behind)| behind.split_once("```"));
        Ok(block.context("README has no commands there")?.0.lines().map(typed).collect())
    }

    /// A command as README has it, with `more` behind.
    ///
    /// # Errors
    /// When README does not have it, or there is no compiler.
    pub fn types(&self, command: &str, more: &[&str], folder: &Path) -> Result<Cli> {
        let begins =
            |line: &str| typed(line).strip_prefix(command).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
        let is_there = self.readme.lines().any(begins) || self.readme.contains(&format!("`{command}`"));
        ensure!(is_there, "README does not have {command:?}");
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
        self.place.root().join("home")
    }

    fn cargo_home(&self) -> PathBuf {
        self.place.root().join("cargo")
    }
}

/// A line without its comment.
fn typed(line: &str) -> &str {
    line.split(" #").next().unwrap_or_default().trim()
}

/// What is called with these variables, and no others.
fn env(variables: &[String]) -> Cli {
    Cli::of("env".as_ref()).args(["-i"]).args(variables)
}

/// Where `cargo` and `rustc` themselves are, not what chooses among several.
fn compilers() -> Result<PathBuf> {
    Ok(Path::new(said(Command::new("rustc").args(["--print", "sysroot"]))?.trim()).join("bin"))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// What a clone would have, as it is now: what git knows of; where there is no git, all but what is built.
fn sources(root: &Path) -> Result<Vec<PathBuf>> {
    let listed = said(Command::new("git").args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(root));
    match listed {
        Ok(listed) => {
            let files = listed.split_terminator('\0').map(PathBuf::from);
            // One that is removed, and not yet from git.
            Ok(files.filter(|file| root.join(file).symlink_metadata().is_ok()).collect())
        }
        Err(_) => files_below(root, Path::new("")),
    }
}

fn files_below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true if NOT_CLONED.iter().any(|name| path.ends_with(name)) => {}
            true => files.extend(files_below(root, &path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

fn copy_sources(to: &Path) -> Result<()> {
    let root = workspace::root();
    for file in sources(&root)? {
        let (from, copy) = (root.join(&file), to.join(&file));
        fs::create_dir_all(copy.parent().context("a folder")?)?;
        // What is a link there is one in a clone.
        let copied = match fs::read_link(&from) {
            Ok(target) => std::os::unix::fs::symlink(target, copy),
            Err(_) => fs::copy(&from, copy).map(drop),
        };
        copied.with_context(|| from.display().to_string())?;
    }
    Ok(())
}

fn copy_registry(to: &Path) -> Result<()> {
    let given = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let from = given.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).context("there is no home")?;
    for folder in REGISTRY.into_iter().filter(|folder| from.join(folder).exists()) {
        copy_tree(&from.join(folder), &to.join(folder), &|_| Copy::Bytes)?;
    }
    let Ok(text) = fs::read_to_string(from.join("config.toml")) else { return Ok(()) };
    let mut settings = text.parse::<toml::Table>().context("cargo's config.toml")?;
    settings.retain(|key, _| WHERE.contains(&key));
    Ok(fs::write(to.join("config.toml"), toml::to_string(&settings)?)?)
}

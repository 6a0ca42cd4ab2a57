//! Builds each plugin once in each place, and gives every sandbox there a target folder that starts from that build.
//!
//! Sandboxes must not share a target folder: cargo names a workspace's own packages by their place *within* the workspace, so two
//! copies of one plugin have one fingerprint and one output file. One would be given the other's build. So:
//!
//! ```text
//! seed/ (one, locked)    ── dependencies: hard links ──► the place's target folder ── cargo finds all fresh until the sandbox edits it,
//! place/seed/            ── those of releases: the same  ─►                          and the compiler goes on from there
//! place/kept/<plugin>/   ── the plugin itself: copies ─►
//! ```
//!
//! What is no plugin yet, and is made one by a test, has no build to start from, but the dependencies that the last one had ([`lend`], [`take_back`]).
//! The compiler's flags for a release name the place's folders, so that nothing else does: its dependencies are another place's only when that is built again.
//!
//! Times of modification are kept, since cargo goes by them.

use crate::cli::Cli;
use crate::node::Node;
use crate::place::Place;
use crate::{sandbox, workspace};
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How much releases are optimised, as cargo reads it: not as users' are, where so many are built that tests would take twice as long.
pub const RELEASES_OPTIMISED: &str = "CARGO_PROFILE_SYSTEM_RELEASE_OPT_LEVEL";

/// The folder that tests build into: another one for what is optimised otherwise, so that neither takes the other's builds for its own.
///
/// # Errors
/// When cargo cannot read the workspace.
pub fn folder() -> Result<PathBuf> {
    let folder = workspace::target()?.join("system-tests");
    Ok(std::env::var(RELEASES_OPTIMISED).map_or(folder.clone(), |level| folder.join(format!("optimised-{level}"))))
}

/// The folder of a target folder that has what releases are built of.
const RELEASED: &str = "system-release";

/// What a plugin is built for: the command under test has a profile for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// `run` and `upgrade`.
    Upgrade,
    /// `release`.
    Release,
}

impl Build {
    const ALL: [Self; 2] = [Self::Upgrade, Self::Release];

    /// The file beside a plugin's builds that says that there is this one.
    fn mark(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade.mark",
            Self::Release => "release.mark",
        }
    }
}

/// Gives the place's target folder these builds of the workspace there, which is this plugin as the repository has it.
///
/// # Errors
/// When the plugin does not build, or a file cannot be copied.
pub fn sow(plugin: &str, builds: &[Build], place: &Place) -> Result<()> {
    let shared = folder()?.join("seed");
    fs::create_dir_all(&shared)?;
    let seed = Seed {
        newest: newest(plugin)?,
        own: own(plugin)?,
        kept: place.kept(plugin),
        target: place.target(),
        shared,
        released: place.seed(),
    };
    let missing: Vec<_> = builds.iter().copied().filter(|build| !seed.has(*build)).collect();
    let lock = File::create(folder()?.join("seed.lock"))?;
    // Many take from it at once, one adds to it.
    let locked = if missing.is_empty() { lock.lock_shared() } else { lock.lock() };
    locked.context("another test holds the seed")?;
    seed.give()?;
    for build in &missing {
        grow(*build, place).with_context(|| format!("the fixture {plugin}"))?;
    }
    if missing.is_empty() { Ok(()) } else { seed.keep(&missing) }
}

/// Gives the place's target folder what there is of dependencies, for a workspace that is no plugin's yet.
///
/// # Errors
/// When a file cannot be copied.
pub fn lend(fixture: &str, place: &Place) -> Result<()> {
    let _locked = lock_shared()?;
    let lent = [folder()?.join("seed"), lent(fixture)?];
    lent.iter().filter(|lent| lent.exists()).try_for_each(|lent| copy_tree(lent, &place.target(), &|_| Copy::Link))
}

/// Keeps what was built there of dependencies, for the next of that fixture.
///
/// # Errors
/// When a file cannot be copied.
pub fn take_back(fixture: &str, place: &Place) -> Result<()> {
    let (own, target) = (own(fixture)?, place.target());
    let lock = File::create(folder()?.join("seed.lock"))?;
    lock.lock().context("another test holds the seed")?;
    copy_tree(&target, &lent(fixture)?, &|path| if is_other(&own, &target, path) { Copy::Link } else { Copy::Not })
}

fn lent(fixture: &str) -> Result<PathBuf> {
    Ok(folder()?.join("lent").join(fixture))
}

fn lock_shared() -> Result<File> {
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("seed.lock"))?;
    lock.lock_shared().context("another test holds the seed")?;
    Ok(lock)
}

/// Is this file of a target folder, of the packages with these names?
fn is_own(own: &[String], target: &Path, path: &Path) -> bool {
    let path = path.strip_prefix(target).unwrap_or(path).to_string_lossy().replace('-', "_");
    own.iter().any(|own| path.contains(own))
}

/// Is it of others, and of use to whoever depends on them?
fn is_other(own: &[String], target: &Path, path: &Path) -> bool {
    !is_own(own, target, path) && !path.components().any(|part| part.as_os_str() == "incremental")
}

/// A plugin's builds in one place.
struct Seed {
    /// When something was last changed that goes into it.
    newest: SystemTime,
    /// Its packages' names, as files have them.
    own: Vec<String>,
    kept: PathBuf,
    target: PathBuf,
    /// Dependencies, but for those of releases, …
    shared: PathBuf,
    /// … which are the place's own.
    released: PathBuf,
}

impl Seed {
    fn has(&self, build: Build) -> bool {
        let made = fs::metadata(self.kept.join(build.mark())).and_then(|mark| mark.modified());
        made.is_ok_and(|made| made > self.newest)
    }

    /// Puts what there is into the target folder.
    fn give(&self) -> Result<()> {
        for seed in [&self.shared, &self.released].into_iter().filter(|seed| seed.exists()) {
            copy_tree(seed, &self.target, &|_| Copy::Link)?;
        }
        if self.kept.exists() {
            let is_mark = |path: &Path| Build::ALL.iter().any(|build| path.ends_with(build.mark()));
            copy_tree(&self.kept, &self.target, &|path| if is_mark(path) { Copy::Not } else { Copy::Bytes })?;
        }
        Ok(())
    }

    /// Takes what was built from the target folder, for the next one.
    fn keep(&self, built: &[Build]) -> Result<()> {
        let is_other = |path: &Path| is_other(&self.own, &self.target, path);
        let link = |is_one: bool| if is_one { Copy::Link } else { Copy::Not };
        copy_tree(&self.target, &self.shared, &|path| link(is_other(path) && !self.is_released(path)))?;
        copy_tree(&self.target, &self.released, &|path| link(is_other(path) && self.is_released(path)))?;
        let kept = self.kept.with_extension("new");
        if kept.exists() {
            fs::remove_dir_all(&kept)?;
        }
        copy_tree(&self.target, &kept, &|path| if self.is_own(path) { Copy::Bytes } else { Copy::Not })?;
        for build in Build::ALL.into_iter().filter(|build| built.contains(build) || self.has(*build)) {
            File::create(kept.join(build.mark()))?;
        }
        if self.kept.exists() {
            fs::remove_dir_all(&self.kept)?;
        }
        Ok(fs::rename(kept, &self.kept)?)
    }

    fn is_released(&self, path: &Path) -> bool {
        path.strip_prefix(&self.target).is_ok_and(|path| path.starts_with(RELEASED))
    }

    fn is_own(&self, path: &Path) -> bool {
        is_own(&self.own, &self.target, path)
    }
}

fn own(plugin: &str) -> Result<Vec<String>> {
    Ok(sandbox::members(plugin)?.iter().map(|member| member.replace('-', "_")).collect())
}

/// When something was last changed of which its builds are made: its sources, the SDK, what they are locked to, and what builds them.
fn newest(plugin: &str) -> Result<SystemTime> {
    let root = workspace::root();
    let parts = [
        sandbox::source(plugin),
        root.join("plugin-abi"),
        root.join("Cargo.toml"),
        root.join("Cargo.lock"),
        workspace::binary()?,
    ];
    parts.iter().map(|part| last_change(part)).try_fold(SystemTime::UNIX_EPOCH, |newest, time| Ok(newest.max(time?)))
}

fn last_change(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| path.display().to_string())?;
    if !metadata.is_dir() {
        return Ok(metadata.modified()?);
    }
    // A folder's own time says what is not there any more.
    fs::read_dir(path)?.try_fold(metadata.modified()?, |newest, entry| Ok(newest.max(last_change(&entry?.path())?)))
}

/// Builds what is there by the command under test, so that profile and flags are the ones it uses.
fn grow(build: Build, place: &Place) -> Result<()> {
    let elsewhere = tempfile::tempdir()?;
    let surround = |cli: Cli| cli.in_folder(&place.workspace()).env("CARGO_TARGET_DIR", place.target());
    match build {
        Build::Upgrade => {
            let run = Cli::new(["run", "--listen", "127.0.0.1:0"])?.env("CARGO_SYSTEM_NODE", elsewhere.path());
            Node::start(surround(run).into_command(), elsewhere.path()).map(drop)
        }
        Build::Release => {
            let output = elsewhere.path().join("release");
            let said = surround(Cli::new(["release", "--out"])?.args([output])).run()?;
            ensure!(said.code == 0, "release ended with {}:\n{}", said.code, said.stderr);
            Ok(())
        }
    }
}

/// How a file gets into a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// By another name for the same file: for what nobody writes to.
    Link,
    /// By a file of its own.
    Bytes,
    /// Not at all.
    Not,
}

/// Copies a folder with all that is in it, and with times of modification. What is there with the same time stays.
///
/// # Errors
/// When a file cannot be read or written.
pub fn copy_tree(from: &Path, to: &Path, how: &dyn Fn(&Path) -> Copy) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (source, copy) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy_tree(&source, &copy, how)?;
        } else {
            copy_file(&source, &copy, how(&source)).with_context(|| source.display().to_string())?;
        }
    }
    // A folder's own time last: cargo looks at some.
    File::open(to)?.set_modified(fs::metadata(from)?.modified()?)?;
    Ok(())
}

fn copy_file(source: &Path, copy: &Path, how: Copy) -> Result<()> {
    if how == Copy::Not {
        return Ok(());
    }
    let modified = fs::metadata(source)?.modified()?;
    match fs::metadata(copy).and_then(|there| there.modified()) {
        Ok(time) if time == modified => return Ok(()),
        // It may be another's too: it is not written to.
        Ok(_) => fs::remove_file(copy)?,
        Err(_) => {}
    }
    if how == Copy::Link && fs::hard_link(source, copy).is_ok() {
        return Ok(());
    }
    fs::copy(source, copy)?;
    File::options().write(true).open(copy)?.set_modified(modified)?;
    Ok(())
}

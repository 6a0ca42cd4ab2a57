//! Builds each plugin once, and gives every sandbox a target folder of its own that starts from that build.
//!
//! Sandboxes must not share a target folder: cargo names a workspace's own packages by their place *within* the workspace, so two
//! copies of one plugin have one fingerprint and one output file. One would be given the other's build. So:
//!
//! ```text
//! seed (one, locked) ── dependencies: hard links ──► a sandbox's own target folder
//!                    ── the plugin itself: copies ─►   (cargo finds it fresh until the sandbox edits it)
//! ```
//!
//! Times of modification are kept, since cargo goes by them.

use crate::cli::Cli;
use crate::node::Node;
use crate::workspace;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// The folder that tests build into.
///
/// # Errors
/// When cargo cannot read the workspace.
pub fn folder() -> Result<PathBuf> {
    Ok(workspace::target()?.join("system-tests"))
}

/// What a plugin is built for: the command under test has a profile for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// `run` and `upgrade`.
    Upgrade,
    /// `release`.
    Release,
}

/// Gives `target` the seed's builds of this plugin.
///
/// # Errors
/// When the plugin does not build, or a file cannot be copied.
pub fn sow(plugin: &str, builds: &[Build], target: &Path) -> Result<()> {
    let folder = folder()?;
    fs::create_dir_all(&folder)?;
    let lock = File::create(folder.join("seed.lock"))?;
    lock.lock().context("another test holds the seed")?;
    let seed = folder.join("seed");
    let sources = folder.join("seed-sources").join(plugin);
    crate::sandbox::lay_out(plugin, &sources)?;
    for build in builds {
        grow(*build, &sources, &seed).with_context(|| format!("the fixture {plugin}"))?;
    }
    let own: Vec<_> = crate::sandbox::members(plugin)?.iter().map(|member| member.replace('-', "_")).collect();
    copy_tree(&seed, target, &|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        let is_own =
            own.iter().any(|own| name.contains(own)) || path.components().any(|part| part.as_os_str() == "incremental");
        if is_own { Copy::Bytes } else { Copy::Link }
    })
}

/// Builds it by the command under test, so that profile and flags are the ones it uses.
fn grow(build: Build, sources: &Path, target: &Path) -> Result<()> {
    let place = tempfile::tempdir()?;
    let surround = |cli: Cli| cli.in_folder(sources).env("CARGO_TARGET_DIR", target);
    match build {
        Build::Upgrade => {
            let run = Cli::new(["run", "--listen", "127.0.0.1:0"])?.env("CARGO_SYSTEM_NODE", place.path());
            Node::start(surround(run).into_command(), place.path()).map(drop)
        }
        Build::Release => {
            let output = place.path().join("release");
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
}

/// Copies a folder with all that is in it, and with times of modification. What is there and newer or equal stays.
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
    let linked = how == Copy::Link && fs::hard_link(source, copy).is_ok();
    if linked {
        return Ok(());
    }
    let metadata = fs::metadata(source)?;
    let modified = metadata.modified()?;
    let unchanged = fs::metadata(copy).is_ok_and(|there| there.modified().is_ok_and(|time| time == modified));
    if unchanged {
        return Ok(());
    }
    fs::copy(source, copy)?;
    File::options().write(true).open(copy)?.set_modified(modified)?;
    Ok(())
}

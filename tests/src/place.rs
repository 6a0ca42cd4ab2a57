//! Where one sandbox at a time is: its folders have the same paths each time, since the compiler goes on from what it has compiled before
//! only where working folder and target folder are what they were.
//!
//! ```text
//! <temporary>/csys-<checkout>-<number>/      what a test makes: the workspace in app/, the node in node/, and what it needs beside
//! <target>/system-tests/places/<number>/
//!     lock                                   held for as long as a sandbox is there
//!     target/                                its target folder
//!     seed/                                  what releases built there depend on, for the next one (see `seed`)
//!     kept/<plugin>/                         that plugin's own builds, for the next one (see `seed`)
//! ```
//!
//! What a test has made goes when the place is dropped; of a test that was killed, when the next one takes the place.

use crate::seed;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// More than run at once.
const PLACES_MAX: usize = 64;

/// Folders that are one's own.
#[derive(Debug)]
pub struct Place {
    root: PathBuf,
    builds: PathBuf,
    /// Whoever holds it has the place.
    _lock: File,
}

impl Place {
    /// The first one that nobody has, empty.
    ///
    /// # Errors
    /// When all are taken, or a folder cannot be made.
    pub fn take() -> Result<Self> {
        let folder = seed::folder()?.join("places");
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        let checkout = hasher.finish() as u32;
        for number in 0..PLACES_MAX {
            let builds = folder.join(number.to_string());
            fs::create_dir_all(&builds).with_context(|| builds.display().to_string())?;
            let lock = File::create(builds.join("lock"))?;
            if lock.try_lock().is_err() {
                continue;
            }
            // A Unix socket's path is short, and so is a node's folder.
            let root = std::env::temp_dir().join(format!("csys-{checkout:08x}-{number}"));
            let place = Self { root, builds, _lock: lock };
            let is_ready = place.empty().and_then(|()| fs::DirBuilder::new().mode(0o700).create(&place.root));
            is_ready.with_context(|| place.root.display().to_string())?;
            return Ok(place);
        }
        bail!("all {PLACES_MAX} places in {} are taken", folder.display())
    }

    /// The folder for what a test makes.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The workspace's folder.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.root.join("app")
    }

    /// The target folder; it is there once something was built into it.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.builds.join("target")
    }

    /// For what releases depend on.
    pub(crate) fn seed(&self) -> PathBuf {
        self.builds.join("seed")
    }

    /// For that plugin's own builds.
    pub(crate) fn kept(&self, plugin: &str) -> PathBuf {
        self.builds.join("kept").join(plugin)
    }

    fn empty(&self) -> io::Result<()> {
        [self.root.clone(), self.target()].iter().try_for_each(|folder| match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // What cannot go now is an error for whoever takes the place next.
        let _: io::Result<()> = self.empty();
    }
}

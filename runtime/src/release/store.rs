//! The releases in a node's folder.
//!
//! ```text
//! plugin built ─ add_plugin ─► in lib/ ─ add_manifest ─► unpacked ─ set_permanent ─► permanent: what boots
//! ```
//!
//! Every file appears whole or not at all: written beside its place, flushed to disk, renamed, and the folder flushed. What
//! failed half-way is removed. A file of `lib/` is never written to: a running node may have it mapped. One that is damaged gives way to
//! another file of its name.

use super::layout::Layout;
use super::manifest::{MANIFEST_SCHEMA, Manifest, PluginEntry};
use crate::image::PluginFacts;
use semver::Version;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Version of the record's shape.
const RECORD_SCHEMA: u32 = 1;

/// `releases/RELEASES`.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    schema: u32,
    permanent: Version,
}

/// Why the folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{} cannot be {verb}: {source}", path.display())]
    File {
        /// What was tried: `read`, `written`.
        verb: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what it should.
    #[error("{} is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file was written by a newer tool.
    #[error("{} has schema {schema}, which is newer than this tool", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
    },
    /// A file is not the one that was inspected.
    #[error("{} changed while it was copied", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// There is no such release.
    #[error("there is no release {version} in {}", root.display())]
    NoRelease {
        /// The version asked for.
        version: Version,
        /// The node's folder.
        root: PathBuf,
    },
}

/// See the file's head.
#[derive(Clone, Debug)]
pub struct Store {
    layout: Layout,
}

impl Store {
    /// The store of that folder, which need not exist.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Where things stand.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A release's manifest.
    ///
    /// # Errors
    /// There is no such release, or its manifest cannot be read.
    pub fn manifest(&self, version: &Version) -> Result<Manifest, StoreError> {
        let path = self.layout.manifest(&version.to_string());
        let none = || StoreError::NoRelease { version: version.clone(), root: self.layout.root().to_owned() };
        let bytes = read_if_there(&path)?.ok_or_else(none)?;
        let manifest: Manifest = parse(&path, &bytes)?;
        if manifest.schema > MANIFEST_SCHEMA {
            return Err(StoreError::Newer { path, schema: manifest.schema });
        }
        Ok(manifest)
    }

    /// The version that boots; `None` in a folder without releases.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn permanent(&self) -> Result<Option<Version>, StoreError> {
        let path = self.layout.record();
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let record: Record = parse(&path, &bytes)?;
        if record.schema > RECORD_SCHEMA {
            return Err(StoreError::Newer { path, schema: record.schema });
        }
        Ok(Some(record.permanent))
    }

    /// The manifest of the version that boots.
    ///
    /// # Errors
    /// The record or the manifest cannot be read.
    pub fn permanent_manifest(&self) -> Result<Option<Manifest>, StoreError> {
        self.permanent()?.map(|version| self.manifest(&version)).transpose()
    }

    /// Says which version boots.
    ///
    /// # Errors
    /// The record cannot be written; the earlier one stands.
    pub fn set_permanent(&self, version: &Version) -> Result<(), StoreError> {
        let record = Record { schema: RECORD_SCHEMA, permanent: version.clone() };
        write_json(&self.layout.record(), &record)
    }

    /// Writes a release's manifest.
    ///
    /// # Errors
    /// It cannot be written; then there is none, or the earlier one.
    pub fn add_manifest(&self, manifest: &Manifest) -> Result<(), StoreError> {
        write_json(&self.layout.manifest(&manifest.version.to_string()), manifest)
    }

    /// Copies a built plugin to its content-addressed place, unless it is there.
    ///
    /// # Errors
    /// It cannot be copied; then nothing of it is there.
    pub fn add_plugin(&self, built: &Path, facts: &PluginFacts) -> Result<PluginEntry, StoreError> {
        let folder = self.layout.plugin(&facts.name, &facts.version.to_string(), &facts.hash);
        let file = folder.join(format!("lib{}.so", facts.name.replace('-', "_")));
        let is_whole = |bytes: &[u8]| hex_sha256(bytes) == facts.hash;
        let is_there = read_if_there(&file)?.is_some_and(|bytes| is_whole(&bytes));
        if !is_there {
            let bytes = fs::read(built).map_err(|source| unread(built, source))?;
            if !is_whole(&bytes) {
                return Err(StoreError::Changed { path: built.to_owned() });
            }
            write_whole(&file, &bytes)?;
        }
        let relative = file.strip_prefix(self.layout.root()).unwrap_or(&file);
        Ok(PluginEntry {
            name: facts.name.clone(),
            version: facts.version.clone(),
            hash: facts.hash.clone(),
            file: relative.display().to_string(),
            abi: format!("{}.{}", facts.abi_major, facts.abi_minor),
            target: facts.target.clone(),
            compiler: facts.compiler.clone(),
            states: facts.states.clone(),
        })
    }
}

fn unread(path: &Path, source: io::Error) -> StoreError {
    StoreError::File { verb: "read", path: path.to_owned(), source }
}

fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unread(path, source)),
    }
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|source| StoreError::Damaged { path: path.to_owned(), source })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let damaged = |source| StoreError::Damaged { path: path.to_owned(), source };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(damaged)?;
    bytes.push(b'\n');
    write_whole(path, &bytes)
}

/// Makes the file appear whole, on disk, or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let unwritten = |source| StoreError::File { verb: "written", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(unwritten)?;
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let written = write_flushed(&beside, bytes).and_then(|()| fs::rename(&beside, path)).and_then(|()| {
        flush(folder)?;
        // A new folder is only there after a crash when the one above says so.
        if is_new { flush(folder.parent().unwrap_or(folder)) } else { Ok(()) }
    });
    written.map_err(|source| {
        // What stands there is half a file, or nothing.
        let _: io::Result<()> = fs::remove_file(&beside);
        // Goes only when it is empty: made above.
        let _: io::Result<()> = fs::remove_dir(folder);
        unwritten(source)
    })
}

fn write_flushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn flush(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

//! The releases in a node's folder.
//!
//! ```text
//! plugin built ─ add_plugin ─► in lib/ ─ add_release ─► unpacked ─ set_permanent ─► permanent: what boots
//! ```
//!
//! What is unpacked has a folder, and that is all; what else there is to know of releases, and the history, stands in one record (see
//! [`record`](super::record)), which only the node writes while one runs.
//!
//! Every file appears whole or not at all: written beside its place, flushed to disk, renamed, and the folder flushed. What
//! failed half-way is removed. Plugins are flushed later (see `plugins`), and before their release is permanent.

pub use super::error::StoreError;

use super::config::{self, Config, Part};
use super::files::{parse, put_back, read_if_there, unread, write_json};
use super::folders::{new_folder, replace_folder};
use super::history::{Attempt, Conclusion, Entry, Start};
use super::keys::{KeyError, Keys};
use super::layout::Layout;
use super::manifest::{MANIFEST_SCHEMA, Manifest};
use super::record::{RECORD_SCHEMA, Record, State};
use super::signature::{SignatureError, Signed};
use crate::image::PluginFacts;
use semver::Version;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A record is written within milliseconds; who holds it for longer is not well.
pub(crate) const RECORD_PATIENCE: Duration = Duration::from_secs(10);
/// How often a record that another one writes is tried again.
const RECORD_LOOK: Duration = Duration::from_millis(2);

/// Why a node does not take a release.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// It cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node's keys cannot be read.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// It is not signed as the node demands.
    #[error("the release {version} {reason}")]
    Signature {
        /// The release.
        version: Version,
        /// What is wrong.
        reason: SignatureError,
    },
}

impl TrustError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Signature { reason, .. } => reason.hint(),
            Self::Keys(error) => error.hint(),
            Self::Store(error) => error.hint(),
        }
    }
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
        parse(&path, &bytes, MANIFEST_SCHEMA)
    }

    /// The configuration of a release's plugin, with what the folder's owner says otherwise.
    ///
    /// # Errors
    /// The folder's file cannot be read, or one of them is no configuration: one sentence.
    pub fn config(&self, release: &Manifest, plugin: &PluginFacts) -> Result<Config, String> {
        let path = self.layout.config();
        let bytes = read_if_there(&path).map_err(|error| error.to_string())?;
        let text = bytes.map(String::from_utf8).transpose().map_err(|_| format!("{} is not text", path.display()))?;
        let part = match release.plugins.as_slice() {
            [_] => Part::Whole,
            _ if plugin.name == release.name => Part::Application,
            _ => Part::Plugin(&plugin.name),
        };
        config::merged(plugin.config.as_deref(), text.as_deref(), part).map_err(|error| error.to_string())
    }

    /// The record; an empty one in a folder without releases.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or was written by a newer tool.
    pub fn record(&self) -> Result<Record, StoreError> {
        self.parse_record(self.record_bytes()?.as_deref())
    }

    /// Changes the record: read, changed and written as one, also between threads and OS processes.
    ///
    /// # Errors
    /// It cannot be read or written; the earlier one stands.
    pub fn update<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T, StoreError> {
        let _held = self.hold()?;
        self.update_held(change)
    }

    /// The same, by who holds the record already.
    pub(super) fn update_held<T>(&self, change: impl FnOnce(&mut Record) -> T) -> Result<T, StoreError> {
        let before = self.record_bytes()?;
        let mut record = self.parse_record(before.as_deref())?;
        let changed = change(&mut record);
        let path = self.layout.record();
        // It may have its name already, and only the folder's flush has failed.
        write_json(&path, &record).map_err(|error| put_back(&path, before.as_deref(), error))?;
        Ok(changed)
    }

    fn record_bytes(&self) -> Result<Option<Vec<u8>>, StoreError> {
        read_if_there(&self.layout.record())
    }

    fn parse_record(&self, bytes: Option<&[u8]>) -> Result<Record, StoreError> {
        bytes.map_or_else(|| Ok(Record::default()), |bytes| parse(&self.layout.record(), bytes, RECORD_SCHEMA))
    }

    /// Keeps everybody else from changing the record, and from removing what no release names yet, until it is dropped. It is the folder's own lock: the
    /// record itself is replaced at each change.
    ///
    /// # Errors
    /// The folder cannot be made or opened, or somebody holds it for too long.
    pub fn hold(&self) -> Result<File, StoreError> {
        let path = self.layout.record();
        let unwritten = |source| StoreError::File { verb: "written", path: path.clone(), source };
        let folder = path.parent().unwrap_or(self.layout.root());
        fs::create_dir_all(folder).map_err(unwritten)?;
        let folder = File::open(folder).map_err(unwritten)?;
        let until = Instant::now() + RECORD_PATIENCE;
        loop {
            match folder.try_lock() {
                Ok(()) => return Ok(folder),
                Err(TryLockError::Error(source)) => return Err(unwritten(source)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(StoreError::Busy { path, patience: RECORD_PATIENCE });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(RECORD_LOOK),
            }
        }
    }

    /// The version that boots; `None` in a folder without releases.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn permanent(&self) -> Result<Option<Version>, StoreError> {
        Ok(self.record()?.permanent)
    }

    /// The manifest of the version that boots.
    ///
    /// # Errors
    /// The record or the manifest cannot be read.
    pub fn permanent_manifest(&self) -> Result<Option<Manifest>, StoreError> {
        self.permanent()?.map(|version| self.manifest(&version)).transpose()
    }

    /// Says which version boots, as the folder's owner wishes, who could write a key there, too: a release that is not signed is allowed, and has
    /// no counter.
    ///
    /// # Errors
    /// The record cannot be written, or what says how new the release is cannot be read; the earlier one stands.
    pub fn set_permanent(&self, version: &Version) -> Result<(), TrustError> {
        let counter = match self.counter(version) {
            Err(TrustError::Signature { .. }) => None,
            counter => counter?,
        };
        self.flush_plugins(version)?;
        Ok(self.update(|record| {
            record.make_permanent(version);
            counter.inspect(|counter| record.raise_counter(*counter, version));
        })?)
    }

    /// Journals that an upgrade or a roll-back begins, and returns its number in the history.
    ///
    /// # Errors
    /// The record cannot be written: then it must not begin.
    pub fn begin(&self, start: Start) -> Result<u64, StoreError> {
        self.update(|record| record.begin(start))
    }

    /// Journals a step of what [`begin`](Self::begin) began, before it is taken.
    ///
    /// # Errors
    /// The record cannot be written: then the step must not be taken.
    pub fn step(&self, step: &str) -> Result<(), StoreError> {
        self.update(|record| record.step(step))
    }

    /// Journals the end: what came of it stands in the history from then on, and what is permanent changes with it, or neither does.
    ///
    /// # Errors
    /// The record cannot be written, and the next boot finds the attempt unfinished; or what is to be permanent is not trusted any more: a key was
    /// revoked since it was checked.
    pub fn end(&self, conclusion: Conclusion) -> Result<(), TrustError> {
        let permanent = conclusion.permanent.clone();
        // Without its counter, an older release could come back.
        let counter = permanent.as_ref().map(|version| self.counter(version)).transpose()?.flatten();
        permanent.as_ref().map_or(Ok(()), |version| self.flush_plugins(version))?;
        Ok(self.update(|record| {
            record.end(conclusion);
            counter.zip(permanent).inspect(|(counter, version)| record.raise_counter(*counter, version));
        })?)
    }

    /// For a boot, before anything else: an attempt that is still in progress was cut off by the node's death, and the history says so from then
    /// on.
    ///
    /// # Errors
    /// The record cannot be read or written.
    pub fn recover(&self) -> Result<Option<Entry>, StoreError> {
        match self.record()?.in_progress {
            Some(Attempt { .. }) => self.update(Record::recover),
            None => Ok(None),
        }
    }

    /// The versions that have a manifest here, in order; readable or not.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn versions(&self) -> Result<Vec<Version>, StoreError> {
        let releases = self.layout.releases();
        let entries = match fs::read_dir(&releases) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(unread(&releases, source)),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let name = entry.map_err(|source| unread(&releases, source))?.file_name();
            let version = name.to_str().and_then(|name| name.parse().ok());
            versions.extend(version.filter(|version: &Version| self.layout.manifest(&version.to_string()).exists()));
        }
        versions.sort();
        Ok(versions)
    }

    /// The bytes of a release's manifest, and of its signature if it has one.
    ///
    /// # Errors
    /// There is no such release, or its files cannot be read.
    pub fn manifest_bytes(&self, version: &Version) -> Result<(Vec<u8>, Option<Vec<u8>>), StoreError> {
        let none = || StoreError::NoRelease { version: version.clone(), root: self.layout.root().to_owned() };
        let name = version.to_string();
        let bytes = read_if_there(&self.layout.manifest(&name))?.ok_or_else(none)?;
        Ok((bytes, read_if_there(&self.layout.signature(&name))?))
    }

    /// The bytes of what is linked into a release, if it says so.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn sbom_bytes(&self, version: &Version) -> Result<Option<Vec<u8>>, StoreError> {
        read_if_there(&self.layout.sbom(&version.to_string()))
    }

    /// Writes a release's manifest, and its signature, together. What stood there before goes.
    ///
    /// # Errors
    /// It cannot be written; then there is none, or the earlier one.
    pub fn add_release(&self, version: &Version, manifest: &[u8], signature: Option<&[u8]>) -> Result<(), StoreError> {
        self.add_release_with(version, manifest, signature, None)
    }

    /// The same, with what is linked into it, which its manifest names.
    ///
    /// # Errors
    /// As [`add_release`](Self::add_release).
    pub fn add_release_with(
        &self,
        version: &Version,
        manifest: &[u8],
        signature: Option<&[u8]>,
        sbom: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let version = version.to_string();
        let releases = self.layout.releases();
        let folder = self.layout.release(&version);
        let files = [
            (self.layout.manifest(&version), Some(manifest)),
            (self.layout.signature(&version), signature),
            (self.layout.sbom(&version), sbom),
        ];
        let files = files.iter().filter_map(|(path, bytes)| Some((path.file_name()?, (*bytes)?)));
        replace_folder(&releases, &folder, files).map_err(|source| StoreError::File {
            verb: "written",
            path: folder,
            source,
        })
    }

    /// A folder beside the releases, for one that is being unpacked. It goes when it is dropped, or at a later [`clean`](Self::clean).
    ///
    /// # Errors
    /// It cannot be made; with its path.
    pub(super) fn unpack_folder(&self) -> Result<TempDir, (PathBuf, io::Error)> {
        new_folder(&self.layout.releases()).map_err(|error| (self.layout.releases(), error))
    }

    /// Checks who signed a release, and that nobody brings back an old one. Back to one that has served here before, `is_rollback`, is allowed.
    /// `None`: this node takes unsigned releases.
    ///
    /// # Errors
    /// The node does not trust it.
    pub fn check_trust(&self, version: &Version, is_rollback: bool) -> Result<Option<Signed>, TrustError> {
        self.check_trust_of(self, version, is_rollback)
    }

    /// The same, of a release that another folder has: by this one's keys and record.
    ///
    /// # Errors
    /// The node does not trust it.
    pub fn check_trust_of(
        &self,
        other: &Self,
        version: &Version,
        is_rollback: bool,
    ) -> Result<Option<Signed>, TrustError> {
        let keys = Keys::read(&self.layout)?;
        let distrusted = |reason| TrustError::Signature { version: version.clone(), reason };
        let (bytes, signature) = other.manifest_bytes(version)?;
        let manifest = parse(&other.layout.manifest(&version.to_string()), &bytes, MANIFEST_SCHEMA)?;
        let signed = keys.verify(&manifest, &bytes, signature.as_deref()).map_err(distrusted)?;
        let record = self.record()?;
        let has_served = record.state(version) != State::Unpacked;
        if let Some(signed) = signed.filter(|_| !(is_rollback && has_served)) {
            signed.check_counter(version, record.counter.as_ref()).map_err(distrusted)?;
        }
        Ok(signed)
    }

    /// A signed release's counter, on a node that demands signatures.
    fn counter(&self, version: &Version) -> Result<Option<u64>, TrustError> {
        if !Keys::read(&self.layout)?.demand_signatures() {
            return Ok(None);
        }
        Ok(self.check_trust(version, true)?.map(|signed| signed.counter))
    }
}

#[cfg(test)]
mod tests;

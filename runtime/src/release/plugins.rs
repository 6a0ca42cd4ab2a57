//! Plugins in `lib/`, each where its content says.
//!
//! ```text
//! built ─ add_plugin ─► there, whole for all that runs here; of a machine that goes down its disk may have a part
//!                             │ flush_plugins, before its release is permanent
//!                             ▼
//!                       on the disk
//! ```
//!
//! A file of `lib/` is never written to: a running node may have it mapped. One that is damaged gives way to another file of its name. It is large, and clients wait for
//! what is in it: so it is flushed once its release serves.

use super::error::StoreError;
use super::files::{Flushed, flush_there, hex_sha256, read_if_there, write_whole};
use super::manifest::{Manifest, PluginEntry};
use super::store::Store;
use crate::image::{PluginFacts, hash_file};
use semver::Version;
use std::fs;
use std::io;
use std::path::PathBuf;

impl Store {
    /// Puts a built plugin, whose facts these are, at its content-addressed place, unless it is there.
    ///
    /// # Errors
    /// It cannot be written; then nothing of it is there.
    pub fn add_plugin(&self, built: &[u8], facts: &PluginFacts) -> Result<PluginEntry, StoreError> {
        let plugin = PluginEntry::of(facts);
        let file = self.plugin(&plugin);
        if read_if_there(&file)?.is_none_or(|there| there != built) {
            write_whole(&file, built, Flushed::Later)?;
        }
        Ok(plugin)
    }

    /// Of a release that is to be permanent. One that is not there has none.
    pub(super) fn flush_plugins(&self, version: &Version) -> Result<(), StoreError> {
        let manifest = match self.manifest(version) {
            Err(StoreError::NoRelease { .. }) => return Ok(()),
            manifest => manifest?,
        };
        manifest.plugins.iter().filter(|plugin| self.plugin(plugin).exists()).try_for_each(|plugin| {
            flush_there(&self.plugin(plugin)).or_else(|error| match self.write_anew(plugin) {
                Ok(true) => Ok(()),
                _ => Err(error),
            })
        })
    }

    /// What could not be written once, the system takes for written from then on. So it is written as another file; or it is not there, and whoever tries
    /// again brings it, unless a release that has served is made of it too: then it was on the disk before. True: it is on the disk.
    fn write_anew(&self, plugin: &PluginEntry) -> Result<bool, StoreError> {
        let file = self.plugin(plugin);
        let whole = read_if_there(&file)?.filter(|bytes| hex_sha256(bytes) == plugin.hash);
        let is_written = whole.is_some_and(|bytes| write_whole(&file, &bytes, Flushed::Now).is_ok());
        if !is_written && !self.has_served(plugin)? {
            // What is left is found by its hash.
            let _: io::Result<()> = fs::remove_file(&file);
        }
        Ok(is_written)
    }

    /// Is it there, and whole?
    pub(super) fn has_plugin(&self, plugin: &PluginEntry) -> bool {
        hash_file(&self.plugin(plugin)).is_ok_and(|hash| hash == plugin.hash)
    }

    fn has_served(&self, plugin: &PluginEntry) -> Result<bool, StoreError> {
        let record = self.record()?;
        let mut served = record.permanent.iter().chain(&record.old);
        let names = |manifest: Manifest| manifest.plugins.iter().any(|other| other.file == plugin.file);
        Ok(served.any(|version| self.manifest(version).is_ok_and(names)))
    }

    fn plugin(&self, plugin: &PluginEntry) -> PathBuf {
        self.layout().root().join(&plugin.file)
    }
}

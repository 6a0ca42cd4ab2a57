//! What a release is made of. Pure, but for [`FileEntry::of`]: data and checks.

use super::error::StoreError;
use super::files::{hex_sha256, unread};
use super::layout::{Layout, short_hash};
use super::settings::Settings;
use crate::image::PluginFacts;
use crate::schema::StateRecord;
use schemars::JsonSchema;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

/// Version of the manifest's shape.
pub const MANIFEST_SCHEMA: u32 = 1;
/// No manifest is longer, in bytes.
pub const MANIFEST_LEN_MAX: u64 = 1 << 20;
/// No release has more files …
pub const FILES_MAX: usize = 1024;
/// … nor more bytes in all of them.
pub const FILES_LEN_MAX: u64 = 2 << 30;
/// The folders that a release's files stand in.
const FOLDERS: [&str; 3] = ["bin", "lib", "runtime"];

/// `releases/<version>/manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manifest {
    /// Version of the manifest's shape: that of the writer.
    pub schema: u32,
    /// The application's name.
    pub name: String,
    /// The release's version: the application's, with a hash of its plugins as build metadata.
    pub version: Version,
    /// The host executable.
    pub runtime: RuntimeEntry,
    /// The plugins, at least one: each behind those that it needs, the application's own last.
    pub plugins: Vec<PluginEntry>,
    /// How its node is to treat releases.
    #[serde(default)]
    pub settings: Settings,
    /// Every file of the release besides this one, by path.
    #[serde(default)]
    pub files: Vec<FileEntry>,
}

/// The host executable of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuntimeEntry {
    /// Its version.
    pub version: Version,
    /// Path from the root. Empty when the release has no executable of its own (a node run from a workspace).
    pub file: String,
}

/// One plugin of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginEntry {
    /// Package name.
    pub name: String,
    /// Package version.
    pub version: Version,
    /// Hex SHA-256 of the shared object.
    pub hash: String,
    /// Path of the shared object, from the root.
    pub file: String,
    /// ABI `major.minor`.
    pub abi: String,
    /// Target triple.
    pub target: String,
    /// `rustc --version`.
    pub compiler: String,
    /// The states that move from version to version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<StateRecord>,
    /// The types by which it talks to other plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<StateRecord>,
}

/// A file of a release.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct FileEntry {
    /// Path from the root.
    pub path: String,
    /// Hex SHA-256.
    pub hash: String,
    /// In bytes.
    pub size: u64,
    /// May it be run?
    #[serde(default)]
    pub executable: bool,
}

/// What is wrong with a manifest that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// A path that leads out of the folder, or to where no release has files.
    #[error("it names a file outside: {0:?}")]
    Outside(String),
    /// A path is named twice, or as a file and as a folder.
    #[error("it names {0} twice")]
    Twice(String),
    /// What belongs to the release is not among its files.
    #[error("it does not name {0} among its files with the same hash")]
    Unnamed(String),
    /// There is no plugin.
    #[error("it has no plugin")]
    NoPlugin,
    /// A plugin does not stand where plugins of its name and hash stand.
    #[error("it has the plugin {0} in a wrong place")]
    Misplaced(String),
    /// More than a release may have.
    #[error("it names {files} files of {bytes} bytes, and a release has {FILES_MAX} of {FILES_LEN_MAX} at the most")]
    TooLarge {
        /// How many files.
        files: usize,
        /// Their length.
        bytes: u64,
    },
}

impl Manifest {
    /// As it is written, and signed.
    ///
    /// # Errors
    /// None that a manifest can have.
    pub fn to_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Checks what is said of files. A manifest that names none (of a node's own folder) is only checked for its plugins.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ManifestError> {
        self.check_size()?;
        let sbom = sbom_file(&self.version);
        if let Some(file) = self.files.iter().find(|file| !is_inside(&file.path) && file.path != sbom) {
            return Err(ManifestError::Outside(file.path.clone()));
        }
        let mut seen = BTreeSet::new();
        let again = self.files.iter().find(|file| !seen.insert(Path::new(&file.path)));
        let within = |file: &&FileEntry| Path::new(&file.path).ancestors().skip(1).any(|folder| seen.contains(folder));
        if let Some(file) = again.or_else(|| self.files.iter().find(within)) {
            return Err(ManifestError::Twice(file.path.clone()));
        }
        self.check_plugins()?;
        let runtime = &self.runtime.file;
        let is_named = runtime.is_empty() || self.files.is_empty() || seen.contains(Path::new(runtime));
        if is_named { Ok(()) } else { Err(ManifestError::Unnamed(runtime.clone())) }
    }

    /// What is linked into it, if it says so: a file of CycloneDX, which stands beside the manifest.
    #[must_use]
    pub fn sbom(&self) -> Option<&FileEntry> {
        let path = sbom_file(&self.version);
        self.files.iter().find(|file| file.path == path)
    }

    fn check_size(&self) -> Result<(), ManifestError> {
        let bytes = self.files.iter().try_fold(0u64, |sum, file| sum.checked_add(file.size)).unwrap_or(u64::MAX);
        if self.files.len() > FILES_MAX || bytes > FILES_LEN_MAX {
            return Err(ManifestError::TooLarge { files: self.files.len(), bytes });
        }
        Ok(())
    }

    fn check_plugins(&self) -> Result<(), ManifestError> {
        let mut names = BTreeSet::new();
        if let Some(again) = self.plugins.iter().find(|plugin| !names.insert(&plugin.name)) {
            return Err(ManifestError::Twice(again.name.clone()));
        }
        if names.is_empty() {
            return Err(ManifestError::NoPlugin);
        }
        self.plugins.iter().try_for_each(|plugin| self.check_plugin(plugin))
    }

    fn check_plugin(&self, plugin: &PluginEntry) -> Result<(), ManifestError> {
        if !is_inside(&plugin.file) {
            return Err(ManifestError::Outside(plugin.file.clone()));
        }
        let is_hash = plugin.hash.len() == 64 && plugin.hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_hash || plugin.file != plugin_file(&plugin.name, &plugin.version, &plugin.hash) {
            return Err(ManifestError::Misplaced(plugin.name.clone()));
        }
        let is_named = |file: &FileEntry| file.path == plugin.file && file.hash == plugin.hash;
        if !self.files.is_empty() && !self.files.iter().any(is_named) {
            return Err(ManifestError::Unnamed(plugin.file.clone()));
        }
        Ok(())
    }
}

/// The version of a release that has these plugins, the application's own last: a name, a version and a hash each. Of one alone it is that build's.
#[must_use]
pub fn version_of(plugins: &[(&str, &Version, &str)]) -> Version {
    match plugins {
        [] => Version::new(0, 0, 0),
        [(_, version, hash)] => release_version(version, hash),
        [.., (_, version, _)] => {
            let all: String = plugins.iter().map(|(name, _, hash)| format!("{name} {hash}\n")).collect();
            release_version(version, &hex_sha256(all.as_bytes()))
        }
    }
}

impl PluginEntry {
    /// What a manifest says of a plugin whose file says that of itself.
    #[must_use]
    pub fn of(facts: &PluginFacts) -> Self {
        Self {
            name: facts.name.clone(),
            version: facts.version.clone(),
            hash: facts.hash.clone(),
            file: plugin_file(&facts.name, &facts.version, &facts.hash),
            abi: format!("{}.{}", facts.abi_major, facts.abi_minor),
            target: facts.target.clone(),
            compiler: facts.compiler.clone(),
            states: facts.states.clone(),
            messages: facts.messages.clone(),
        }
    }
}

impl FileEntry {
    /// A file with this content, which nobody runs.
    #[must_use]
    pub fn holding(path: &str, bytes: &[u8]) -> Self {
        Self { path: path.to_owned(), hash: hex_sha256(bytes), size: bytes.len() as u64, executable: false }
    }

    /// A file that stands in a node's folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of(layout: &Layout, path: &str) -> Result<Self, StoreError> {
        let file = layout.root().join(path);
        let bytes = std::fs::read(&file).map_err(|source| unread(&file, source))?;
        Self::hashed(layout, path, hex_sha256(&bytes))
    }

    /// The same, of a file whose hash is known.
    ///
    /// # Errors
    /// It is not there.
    pub fn hashed(layout: &Layout, path: &str, hash: String) -> Result<Self, StoreError> {
        let file = layout.root().join(path);
        let metadata = std::fs::metadata(&file).map_err(|source| unread(&file, source))?;
        let executable = metadata.permissions().mode() & 0o100 != 0;
        Ok(Self { path: path.to_owned(), hash, size: metadata.len(), executable })
    }
}

/// Where a plugin's shared object stands, from the root.
#[must_use]
pub fn plugin_file(name: &str, version: &Version, hash: &str) -> String {
    let folder = Layout::new("").plugin(name, &version.to_string(), hash);
    folder.join(format!("lib{}.so", name.replace('-', "_"))).display().to_string()
}

/// Where what is linked into a release stands, from the root.
#[must_use]
pub fn sbom_file(version: &Version) -> String {
    Layout::new("").sbom(&version.to_string()).display().to_string()
}

/// A plain path into one of a release's folders.
fn is_inside(path: &str) -> bool {
    let parts: Vec<_> = Path::new(path).components().collect();
    let is_plain = parts.iter().all(|part| matches!(part, Component::Normal(_)));
    let is_written_plainly =
        parts.iter().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/") == path;
    let is_in_folder = parts.len() > 1 && FOLDERS.iter().any(|folder| parts[0].as_os_str() == *folder);
    is_plain && is_written_plainly && is_in_folder && !path.chars().any(char::is_control)
}

/// `1.2.3` and a build's hash → `1.2.3+3f2a91bc`: each build is a version of its own, ordered as semver orders them.
#[must_use]
pub fn release_version(version: &Version, hash: &str) -> Version {
    let mut version = version.clone();
    let hash = short_hash(hash);
    let text = if version.build.is_empty() { hash.to_owned() } else { format!("{}.{hash}", version.build) };
    version.build = semver::BuildMetadata::new(&text).unwrap_or(version.build);
    version
}

#[cfg(test)]
mod tests;

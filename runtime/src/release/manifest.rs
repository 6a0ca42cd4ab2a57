//! What a release is made of. Pure: data, checks, no I/O.

use super::layout::short_hash;
use super::settings::Settings;
use crate::schema::StateRecord;
use semver::Version;
use serde::{Deserialize, Serialize};

/// Version of the manifest's shape.
pub const MANIFEST_SCHEMA: u32 = 1;

/// `releases/<version>/manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_SCHEMA`] of the writer.
    pub schema: u32,
    /// The application's name.
    pub name: String,
    /// The release's version: the plugin's, with its hash as build metadata (see [`release_version`]).
    pub version: Version,
    /// The host executable.
    pub runtime: RuntimeEntry,
    /// The plugins; exactly one in this schema.
    pub plugins: Vec<PluginEntry>,
    /// How its node is to treat releases.
    #[serde(default)]
    pub settings: Settings,
}

/// The host executable of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeEntry {
    /// Its version.
    pub version: Version,
    /// Path from the root. Empty when the release has no executable of its own (a node run from a workspace).
    pub file: String,
}

/// One plugin of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
mod tests {
    use super::*;

    #[test]
    fn a_release_version_carries_the_hash_as_build_metadata() {
        let version = release_version(&Version::new(1, 2, 3), "3f2a91bc00ff");
        assert_eq!(version.to_string(), "1.2.3+3f2a91bc");
        let again = release_version(&version, "00000001ffff");
        assert_eq!(again.to_string(), "1.2.3+3f2a91bc.00000001");
    }
}

//! What is said of a folder: a node's releases, its history and its keys; a release that was inspected.

use runtime::release::history::{Attempt, Entry};
use runtime::release::manifest::Manifest;
use runtime::release::record::State;
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;
use serde_json::Value;

/// What is in a node's folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Releases {
    /// The folder.
    pub(crate) root: String,
    /// Newest version first.
    pub(crate) releases: Vec<Release>,
}

/// A release in a node's folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Release {
    /// Its version.
    pub(crate) version: Version,
    /// On disk.
    pub(crate) state: State,
    /// It was rolled back: it is not tried again unless forced.
    pub(crate) quarantined: bool,
    /// `current` or `draining`; null: it does not run, or no node does.
    pub(crate) running: Option<String>,
    /// Processes on it.
    pub(crate) processes: u64,
}

/// Which upgrades were tried in a node's folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct History {
    /// The folder.
    pub(crate) root: String,
    /// What has not ended; null: nothing.
    pub(crate) in_progress: Option<Attempt>,
    /// A node goes on with it; false: there is none in progress, or the node died meanwhile.
    pub(crate) node_runs: bool,
    /// What has ended, the last one first.
    pub(crate) history: Vec<Entry>,
}

/// A release that is whole.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Inspected {
    /// Its manifest.
    pub(crate) release: Manifest,
    /// Who has signed it; null: nobody.
    pub(crate) signature: Option<SignedBy>,
    /// The packages that are linked into its plugins, and these, as components of CycloneDX; null: it does not say.
    pub(crate) dependencies: Option<Vec<Value>>,
}

/// A release that is what its manifest says, and nothing else.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Verified {
    /// The application's name.
    pub(crate) name: String,
    /// The release's version.
    pub(crate) version: Version,
    /// How many files it has.
    pub(crate) files: usize,
    /// Who has signed it; null: nobody.
    pub(crate) signature: Option<SignedBy>,
}

/// Where a release is not as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(crate) struct Difference {
    /// A file's path, from the release's folder on.
    pub(crate) path: String,
    /// What is wrong with it, as the sentence goes on.
    pub(crate) what: String,
    /// It does not belong to the release.
    pub(crate) other: bool,
}

/// Who has signed a release.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SignedBy {
    /// The key's id.
    pub(crate) key: String,
    /// It was checked with a key that was given.
    pub(crate) checked: bool,
    /// The higher, the newer; only of one that was checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) counter: Option<u64>,
}

/// Whose releases a node takes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Keys {
    /// False: it takes unsigned releases.
    pub(crate) demands_signatures: bool,
    /// Keys whose releases it takes.
    pub(crate) trusted: Vec<KeyEntry>,
    /// Keys whose releases it never takes again.
    pub(crate) revoked: Vec<KeyEntry>,
}

/// A public key.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyEntry {
    /// Its id.
    pub(crate) id: String,
    /// What its file says of it.
    pub(crate) comment: String,
}

/// A key that a node takes from now on, or never again.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct KeyChange {
    /// Its id.
    pub(crate) id: String,
    /// The node's folder.
    pub(crate) root: String,
}

/// A pair of keys that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Generated {
    /// Its id.
    pub(crate) id: String,
    /// The secret key's file, as it was asked for.
    pub(crate) secret: String,
    /// The public key's file, beside it.
    pub(crate) public: String,
}

//! Where things stand in a node's folder. Pure: names only.
//!
//! ```text
//! <root>/bin/<name>                       the release's own command
//! <root>/runtime/<version>/cargo-system   the host executable
//! <root>/lib/<plugin>-<version>-<hash>/   the shared object, never overwritten
//! <root>/releases/<release>/manifest.json what the release is made of
//! <root>/releases/RELEASES                which release boots, which served before, and the history
//! <root>/releases/<release>/manifest.json.minisig   its signature, if it is signed
//! <root>/releases/<release>/sbom.cdx.json           what is linked into it, for whoever looks for known holes
//! <root>/keys/, keys/revoked/             whose signatures the node takes
//! <root>/config.toml                      what the node's owner says otherwise than the release's configuration
//! <root>/hooks/before, after              run around each upgrade
//! <root>/run/                             control socket, lock, pid
//! <root>/log/                             logs
//! <root>/incoming/                        what came over ssh, until it has its place
//! ```

use std::path::{Path, PathBuf};

/// A node's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The folder at `root`, which need not exist.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The release's own command.
    #[must_use]
    pub fn command(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// The host executable of that runtime version.
    #[must_use]
    pub fn runtime(&self, version: &str) -> PathBuf {
        self.root.join("runtime").join(version).join("cargo-system")
    }

    /// The folder of all plugins' builds.
    #[must_use]
    pub fn plugins(&self) -> PathBuf {
        self.root.join("lib")
    }

    /// The folder of a plugin's build; `hash` is the hex SHA-256 of the shared object.
    #[must_use]
    pub fn plugin(&self, name: &str, version: &str, hash: &str) -> PathBuf {
        self.plugins().join(format!("{name}-{version}-{}", short_hash(hash)))
    }

    /// The folder of all releases.
    #[must_use]
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// The folder of a release.
    #[must_use]
    pub fn release(&self, release: &str) -> PathBuf {
        self.releases().join(release)
    }

    /// The manifest of a release.
    #[must_use]
    pub fn manifest(&self, release: &str) -> PathBuf {
        self.release(release).join("manifest.json")
    }

    /// The signature of a release's manifest.
    #[must_use]
    pub fn signature(&self, release: &str) -> PathBuf {
        self.release(release).join("manifest.json.minisig")
    }

    /// What is linked into a release: CycloneDX.
    #[must_use]
    pub fn sbom(&self, release: &str) -> PathBuf {
        self.release(release).join("sbom.cdx.json")
    }

    /// The keys that the node trusts.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys")
    }

    /// The keys that it never trusts again.
    #[must_use]
    pub fn revoked_keys(&self) -> PathBuf {
        self.keys().join("revoked")
    }

    /// The record: which release boots, which served before, and the history.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.releases().join("RELEASES")
    }

    /// What belongs to the running node alone.
    #[must_use]
    pub fn run(&self) -> PathBuf {
        self.root.join("run")
    }

    /// What the owner says otherwise than the release's configuration; it need not be there.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.run().join("control.sock")
    }

    /// The folder of the log's files.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The lock that a running node holds.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.run().join("lock")
    }
}

/// The part of a hex hash that goes into names and versions.
#[must_use]
pub fn short_hash(hash: &str) -> &str {
    hash.get(..8).unwrap_or(hash)
}

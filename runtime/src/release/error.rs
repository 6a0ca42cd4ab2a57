//! Why a node's folder could not be read or written: one sentence each.

use semver::Version;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the folder could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{} cannot be {verb}: {source}", path.display())]
    File {
        /// What was tried: `read`, `written`, `removed`.
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
    /// Another OS process has been writing the record for too long.
    #[error("{} is being written by another process, which has not finished within {patience:?}", path.display())]
    Busy {
        /// The record.
        path: PathBuf,
        /// How long it was waited for.
        patience: Duration,
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

impl StoreError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { verb: "read", .. } => "its user needs the right to read it",
            Self::File { verb: "removed", .. } => "its user needs the right to write into that folder",
            Self::File { .. } => "it needs room there, and the right to read and write it; then try again",
            Self::Damaged { .. } => "put it back from a copy, or make the release again in another folder",
            Self::Newer { .. } => "use a cargo-system that is as new as the one that has written it",
            Self::Busy { .. } => "wait for that, and try again",
            Self::NoRelease { .. } => "cargo system releases shows what is there",
        }
    }
}

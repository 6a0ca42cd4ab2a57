//! What is wrong with an archive: one sentence each.

use crate::release::manifest::ManifestError;
use crate::release::signature::SignatureError;
use std::io;
use std::path::PathBuf;

/// Why an archive is not unpacked, or not made.
#[derive(Debug, thiserror::Error)]
#[error("{} {reason}", path.display())]
pub struct ArchiveError {
    /// The archive.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub reason: Reason,
}

/// See [`ArchiveError`].
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(io::Error),
    /// Nothing can be written where it is to be unpacked, or made.
    #[error("cannot be {verb}: {path}: {source}", path = path.display())]
    Write {
        /// `packed` or `unpacked`.
        verb: &'static str,
        /// What cannot be written.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("is no release folder or archive")]
    NoArchive,
    /// It is not made of tar and zstd, or not to its end.
    #[error("is damaged or cut short: {}", in_one_line(.0))]
    Damaged(io::Error),
    /// It goes on after its end.
    #[error("goes on after its end")]
    Trailing,
    /// It is an archive of something else.
    #[error("is no release: it does not begin with a manifest")]
    NoManifest,
    /// The manifest is not what it should be.
    #[error("has a damaged manifest: {0}")]
    Manifest(serde_json::Error),
    /// The manifest was written by a newer tool.
    #[error("has a manifest of schema {0}, which is newer than this tool")]
    Newer(u32),
    /// The manifest says what no release may say.
    #[error("has a wrong manifest: {0}")]
    Wrong(ManifestError),
    /// The manifest stands in another release's folder.
    #[error("has the manifest of {version} in the folder {folder:?}")]
    Folder {
        /// The manifest's version.
        version: String,
        /// Where it stands.
        folder: String,
    },
    /// Not a file.
    #[error("holds {path:?}, which is {kind}, and a release holds files only")]
    Kind {
        /// Its path.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// Something that nobody has announced.
    #[error("holds {0:?}, which its manifest does not name")]
    Unnamed(String),
    /// The same file again.
    #[error("holds {0:?} twice")]
    Twice(String),
    /// Something that was announced is not there.
    #[error("does not hold {0:?}, which its manifest names")]
    Missing(String),
    /// A file is longer or shorter than announced.
    #[error("holds {path:?} with {found} bytes, where {named} are allowed")]
    Size {
        /// Its path.
        path: String,
        /// Its length.
        found: u64,
        /// The length that was announced, or the most that there may be.
        named: u64,
    },
    /// A file has other bytes than announced.
    #[error("holds {0:?} with another hash than its manifest names")]
    Hash(String),
    /// Whoever took it apart by tar would have a file of somebody else's, or one that may do more.
    #[error("holds {0:?} with an owner or rights that a release does not give")]
    Rights(String),
    /// What comes with it as the record of a node.
    #[error("has a record that says more than that this release boots")]
    Record,
    /// The node does not trust it.
    #[error("{0}")]
    Signature(SignatureError),
}

impl Reason {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Signature(reason) => reason.hint(),
            Self::NoArchive => "cargo system release makes both; it prints the folder's path",
            Self::NoManifest => "cargo system release makes one",
            Self::Newer(_) => "use a cargo-system that is as new as the one that has made it",
            Self::Read(_) => "name a file or folder that you may read",
            Self::Write { .. } => "it needs room there, and the right to read and write it; then try again",
            _ => "the release is damaged: copy or make it again",
        }
    }
}

/// No reason is longer, in characters.
const REASON_LEN_MAX: usize = 200;

/// Readers quote what they could not read: that is the archive's word, and no control character of it goes to a terminal or a log.
fn in_one_line(error: &io::Error) -> String {
    let text = error.to_string();
    text.chars().take(REASON_LEN_MAX).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

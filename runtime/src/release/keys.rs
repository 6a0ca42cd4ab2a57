//! The keys that a node trusts, in its folder.
//!
//! ```text
//! keys/<id>.pub            trusted: minisign's public keys
//! keys/revoked/<id>.pub    never again, trusted or not
//! ```
//!
//! Without any key there, a node takes unsigned releases. With one, trusted or revoked, it demands signatures: who revokes the last one has not opened the door.
//! A file there that is no key is an error, for the same reason.

use super::error::StoreError;
use super::files::{Flushed, read_if_there, unread, write_whole};
use super::layout::Layout;
use ct_codecs::{Base64, Decoder as _};
use minisign_verify::PublicKey;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// No public key's file is longer, in bytes.
const KEY_LEN_MAX: usize = 4096;
/// Decoded: algorithm, id, key.
const DECODED_LEN: usize = 42;

/// A key's number, as minisign writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub(super) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

/// A public key.
#[derive(Clone)]
pub struct Key {
    /// Its number.
    pub id: KeyId,
    /// What its file says of it; anybody may have written that.
    pub comment: String,
    pub(super) key: PublicKey,
    /// The key itself, whatever number it is given.
    pub(super) bytes: Vec<u8>,
    pub(super) text: String,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("comment", &self.comment).finish_non_exhaustive()
    }
}

/// Why a key is not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is no key.
    #[error("{} is no public key of minisign's", .0.display())]
    NoKey(PathBuf),
    /// It is not to be trusted again.
    #[error("the key {0} is revoked")]
    Revoked(KeyId),
    /// Nobody knows it.
    #[error("there is no key {id} in {}", folder.display())]
    Unknown {
        /// The number that was given.
        id: String,
        /// The node's keys.
        folder: PathBuf,
    },
}

impl KeyError {
    /// What to do next, where the key is one of a node's.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Store(error) => error.hint(),
            Self::NoKey(_) => "remove that file, or put the key there again: minisign's public key, in two lines",
            Self::Revoked(_) => "make another one: cargo system keys generate",
            Self::Unknown { .. } => "cargo system keys list shows those that are there",
        }
    }
}

/// All keys of a node's folder, by number.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// What they sign is taken …
    pub trusted: Vec<Key>,
    /// … unless they are here.
    pub revoked: Vec<Key>,
}

impl Key {
    /// Reads what minisign writes into a `.pub` file, or its second line alone.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next()?;
        let (comment, base64) = match lines.next() {
            Some(second) => (first.strip_prefix("untrusted comment:").unwrap_or(first).trim(), second),
            None => ("", first),
        };
        let bytes = Base64::decode_to_vec(base64, None).ok().filter(|bytes| bytes.len() == DECODED_LEN)?;
        let id = KeyId(bytes[2..10].try_into().ok()?);
        let comment: String = comment.chars().filter(|c| !c.is_control()).take(100).collect();
        let text = format!("untrusted comment: {comment}\n{base64}\n");
        Some(Self { id, comment, key: PublicKey::from_base64(base64).ok()?, bytes: bytes[10..].to_vec(), text })
    }

    /// Reads a key's file.
    ///
    /// # Errors
    /// It cannot be read, or is no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let bytes = fs::read(path).map_err(|source| unread(path, source))?;
        let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= KEY_LEN_MAX);
        text.and_then(|text| Self::parse(&text)).ok_or_else(|| KeyError::NoKey(path.to_owned()))
    }
}

impl Keys {
    /// The keys of that node's folder.
    ///
    /// # Errors
    /// One of them cannot be read, or is no key: then nothing can be trusted.
    pub fn read(layout: &Layout) -> Result<Self, KeyError> {
        Ok(Self { trusted: read_folder(&layout.keys())?, revoked: read_folder(&layout.revoked_keys())? })
    }

    /// Must a release be signed?
    #[must_use]
    pub fn demand_signatures(&self) -> bool {
        !self.trusted.is_empty() || !self.revoked.is_empty()
    }

    /// Is it revoked, by its number or by itself?
    #[must_use]
    pub fn is_revoked(&self, key: &Key) -> bool {
        self.revoked.iter().any(|revoked| revoked.id == key.id || revoked.bytes == key.bytes)
    }

    /// The node trusts it from now on.
    ///
    /// # Errors
    /// It is revoked, or cannot be written.
    pub fn trust(&self, layout: &Layout, key: &Key) -> Result<(), KeyError> {
        if self.is_revoked(key) {
            return Err(KeyError::Revoked(key.id));
        }
        Ok(write_whole(&file(&layout.keys(), key), key.text.as_bytes(), Flushed::Now)?)
    }

    /// The node trusts it no more, and never again.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn revoke(&self, layout: &Layout, key: &Key) -> Result<(), KeyError> {
        write_whole(&file(&layout.revoked_keys(), key), key.text.as_bytes(), Flushed::Now)?;
        for trusted in self.trusted.iter().filter(|trusted| trusted.id == key.id || trusted.bytes == key.bytes) {
            let path = file(&layout.keys(), trusted);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::File { verb: "removed", path, source }.into());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A key of the folder, by its number.
    ///
    /// # Errors
    /// There is none.
    pub fn find(&self, layout: &Layout, id: &str) -> Result<&Key, KeyError> {
        let mut keys = self.trusted.iter().chain(&self.revoked);
        let unknown = || KeyError::Unknown { id: id.to_owned(), folder: layout.keys() };
        keys.find(|key| key.id.to_string().eq_ignore_ascii_case(id)).ok_or_else(unknown)
    }
}

fn file(folder: &Path, key: &Key) -> PathBuf {
    folder.join(format!("{}.pub", key.id))
}

fn read_folder(folder: &Path) -> Result<Vec<Key>, KeyError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unread(folder, source).into()),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| unread(folder, source))?.path();
        if path.extension().is_some_and(|extension| extension == "pub") && read_if_there(&path)?.is_some() {
            keys.push(Key::read(&path)?);
        }
    }
    keys.sort_by_key(|key| key.id);
    Ok(keys)
}

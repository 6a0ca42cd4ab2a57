//! Signatures of releases: minisign's, over the manifest's bytes, which name every file's hash.
//!
//! The signed comment says that it is a release's, and has its counter:
//!
//! ```text
//! trusted comment: cargo-system release name:app version:1.2.3+3f2a91bc counter:1700000000000
//! ```
//!
//! The counter only grows. A node knows the highest that it has made permanent, and takes no other release that does not have a higher one: so nobody can
//! bring back an old release with an old hole. Going back to a release that has served here before is a roll-back, and allowed.

use super::keys::{KeyId, Keys};
use super::manifest::Manifest;
use super::record::Counter;
use ct_codecs::{Base64, Decoder as _};
use minisign_verify::Signature;
use semver::Version;

/// No signature is longer, in bytes.
pub const SIGNATURE_LEN_MAX: u64 = 8 << 10;
/// How a signed comment of ours begins.
const COMMENT: &str = "cargo-system release";

/// Who signed a release, and how new it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The key.
    pub key: KeyId,
    /// The release's counter.
    pub counter: u64,
}

/// Why a release is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature.
    #[error("is not signed, and this node takes only releases that are signed with a key that it trusts")]
    Missing,
    /// It is no signature.
    #[error("has a damaged signature")]
    Damaged,
    /// Signed by a stranger.
    #[error("is signed with the key {0}, which this node does not trust")]
    Untrusted(KeyId),
    /// Signed by an outcast.
    #[error("is signed with the key {0}, which is revoked")]
    Revoked(KeyId),
    /// Signed is something else.
    #[error("does not have the bytes that were signed with the key {0}")]
    Wrong(KeyId),
    /// Signed for another purpose.
    #[error("has a signature that is not for the release {0}")]
    Purpose(Version),
    /// An older release.
    #[error("has the counter {counter}, and {last} has been permanent here with {last_counter}")]
    Replayed {
        /// Its counter.
        counter: u64,
        /// The release with the highest counter.
        last: Version,
        /// That counter.
        last_counter: u64,
    },
}

impl SignatureError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing => "sign it: cargo system release --sign KEY, or cargo system upgrade --sign KEY",
            Self::Untrusted(_) => {
                "cargo system keys list shows whose releases are taken; cargo system keys trust FILE adds a key"
            }
            Self::Revoked(_) => "sign it with another key: cargo system release --sign KEY",
            Self::Damaged | Self::Wrong(_) => {
                "the release is damaged, or somebody has changed it: copy or make it again"
            }
            Self::Purpose(_) => "sign it with this tool: cargo system release --sign KEY",
            Self::Replayed { .. } => {
                "it is older; make it again and sign it, with --counter when a clock was wrong, or roll back to a release that has served here"
            }
        }
    }
}

/// What a signer says of a release, to be signed.
#[must_use]
pub fn comment(manifest: &Manifest, counter: u64) -> String {
    format!("{COMMENT} name:{} version:{} counter:{counter}", manifest.name, manifest.version)
}

impl Keys {
    /// Checks who signed a release. `None`: nobody needs to have.
    ///
    /// # Errors
    /// A signature is demanded, and it is not there or not good.
    pub fn verify(
        &self,
        manifest: &Manifest,
        bytes: &[u8],
        signature: Option<&[u8]>,
    ) -> Result<Option<Signed>, SignatureError> {
        if !self.demand_signatures() {
            return Ok(None);
        }
        let text = str::from_utf8(signature.ok_or(SignatureError::Missing)?).map_err(|_| SignatureError::Damaged)?;
        let (signature, id) = read(text).ok_or(SignatureError::Damaged)?;
        if self.revoked.iter().any(|revoked| revoked.id == id) {
            return Err(SignatureError::Revoked(id));
        }
        let key = self.trusted.iter().find(|key| key.id == id).ok_or(SignatureError::Untrusted(id))?;
        if self.is_revoked(key) {
            return Err(SignatureError::Revoked(id));
        }
        key.key.verify(bytes, &signature, false).map_err(|_| SignatureError::Wrong(id))?;
        let counter = counter(signature.trusted_comment(), manifest);
        let counter = counter.ok_or_else(|| SignatureError::Purpose(manifest.version.clone()))?;
        Ok(Some(Signed { key: id, counter }))
    }
}

impl Signed {
    /// Checks that a release is newer than what has been permanent, or is that.
    ///
    /// # Errors
    /// It is older: somebody brings it back.
    pub fn check_counter(&self, version: &Version, last: Option<&Counter>) -> Result<(), SignatureError> {
        match last {
            Some(last) if last.version != *version && last.value >= self.counter => Err(SignatureError::Replayed {
                counter: self.counter,
                last: last.version.clone(),
                last_counter: last.value,
            }),
            _ => Ok(()),
        }
    }
}

/// By which key a signature says that it is; `None`: it is none.
#[must_use]
pub fn signer(signature: &[u8]) -> Option<KeyId> {
    read(str::from_utf8(signature).ok()?).map(|(_, id)| id)
}

fn read(text: &str) -> Option<(Signature, KeyId)> {
    let signature = Signature::decode(text).ok()?;
    let bytes = Base64::decode_to_vec(text.lines().nth(1)?.trim(), None).ok()?;
    let id = bytes.get(2..10)?.try_into().ok()?;
    Some((signature, KeyId(id)))
}

fn counter(trusted_comment: &str, manifest: &Manifest) -> Option<u64> {
    let counter = trusted_comment.rsplit_once("counter:")?.1.parse().ok()?;
    (trusted_comment == comment(manifest, counter)).then_some(counter)
}

#[cfg(test)]
mod tests;

//! Signing with a secret key of minisign's.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::interrupt;
use minisign::{SecretKey, SecretKeyBox};
use runtime::release::manifest::Manifest;
use runtime::release::signature::comment;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Has the password of a secret key, where nobody can be asked.
pub(crate) const PASSWORD: &str = "CARGO_SYSTEM_KEY_PASSWORD";

/// A secret key, ready to sign.
pub(crate) struct Signer {
    key: SecretKey,
    /// `None`: by the clock.
    counter: Option<u64>,
}

impl Signer {
    /// Opens a key's file, which nobody else may read; asks for its password if it has one.
    pub(crate) fn open(path: &Path, counter: Option<u64>) -> Result<Self, Failure> {
        let unreadable = |error| {
            Failure::error(format!("the key {} cannot be read: {error}", path.display())).hint(
                "name the secret key's file with --sign, or in CARGO_SYSTEM_SIGN; cargo system keys generate makes one",
            )
        };
        let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
        if mode & 0o077 != 0 {
            let message = format!("the key {} can be read by others (mode {:o})", path.display(), mode & 0o777);
            return Err(Failure::new(ExitCode::Refused, message).hint(format!("chmod 600 {}", path.display())));
        }
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let wrong = |error: minisign::PError| {
            Failure::new(ExitCode::Refused, format!("the key {} cannot be used: {error}", path.display()))
                .hint("cargo system keys generate makes one")
        };
        let boxed = || SecretKeyBox::from_string(&text).map_err(wrong);
        let key = match boxed()?.into_unencrypted_secret_key() {
            Err(error) if error.to_string().contains("encrypted") => {
                boxed()?.into_secret_key(Some(password(path)?)).map_err(wrong)?
            }
            key => key.map_err(wrong)?,
        };
        Ok(Self { key, counter })
    }

    /// Signs a manifest's bytes. The counter is above `last`.
    pub(crate) fn sign(&self, manifest: &Manifest, bytes: &[u8], last: Option<u64>) -> Result<Vec<u8>, Failure> {
        let counter = self.counter.unwrap_or_else(|| unix_ms().max(last.unwrap_or(0).saturating_add(1)));
        let comment = comment(manifest, counter);
        let signed =
            minisign::sign(None, &self.key, bytes, Some(&comment), Some("signature of a cargo-system release"));
        let signed = signed.map_err(|error| Failure::error(format!("the release cannot be signed: {error}")))?;
        Ok(signed.into_string().into_bytes())
    }
}

fn password(path: &Path) -> Result<String, Failure> {
    if let Ok(password) = std::env::var(PASSWORD) {
        return Ok(password);
    }
    ask(&format!("password of {}: ", path.display()))
}

/// Asks on the terminal, wherever the output goes.
pub(crate) fn ask(prompt: &str) -> Result<String, Failure> {
    let _unguarded = interrupt::unguarded();
    rpassword::prompt_password(prompt).map_err(|error| {
        Failure::error(format!("there is no terminal to ask for a password: {error}"))
            .hint(format!("put it into {PASSWORD}"))
    })
}

/// By a clock that may jump: a node refuses what it takes for old then, and says so.
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

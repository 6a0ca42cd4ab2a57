//! Declared state: what a process is, apart from its code.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// State of a process that moves from version to version of its plugin.
pub trait State: Serialize + DeserializeOwned + Send + 'static {
    /// This version, and those it can be made of.
    const CHAIN: &'static Chain;

    /// Reads what [`to_version`](Self::to_version) of that version has written, on any image.
    ///
    /// # Errors
    /// It is of a version that is not known, or the bytes are no such state.
    fn from_version(version: u32, bytes: &[u8]) -> Result<Self, StateError>;

    /// Writes it as that version.
    ///
    /// # Errors
    /// There is no way to that version.
    fn to_version(&self, version: u32) -> Result<Vec<u8>, StateError>;
}

/// A version of a state.
#[derive(Debug)]
pub struct Chain {
    /// The state's name.
    pub name: &'static str,
    /// Which version it is.
    pub version: u32,
}

/// Why a state was not read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError(String);

impl StateError {
    /// With a reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StateError {}

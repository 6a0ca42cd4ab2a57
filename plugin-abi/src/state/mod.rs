//! Declared state: what a process is, apart from its code, so that it can go on in another version of its plugin.
//!
//! ```
//! use plugin_abi::State;
//! use serde::{Deserialize, Serialize};
//! use std::num::TryFromIntError;
//!
//! #[derive(Serialize, Deserialize, State)]
//! #[state(version = 2, from = CounterV1)]
//! struct Counter {
//!     count: u64,
//!     #[serde(default)]
//!     step: u64,
//! }
//!
//! /// What `Counter` was in version 1.
//! #[derive(Serialize, Deserialize, State)]
//! struct CounterV1 {
//!     count: u32,
//! }
//!
//! impl From<CounterV1> for Counter {
//!     fn from(before: CounterV1) -> Self {
//!         Self { count: before.count.into(), step: 1 }
//!     }
//! }
//!
//! /// The way back, for a roll-back.
//! impl TryFrom<Counter> for CounterV1 {
//!     type Error = TryFromIntError;
//!
//!     fn try_from(counter: Counter) -> Result<Self, TryFromIntError> {
//!         Ok(Self { count: counter.count.try_into()? })
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A state is known by its name: the type's, without its module, unless `#[state(name = "…")]` gives one. What a change needs:
//!
//! | change | what it needs |
//! |---|---|
//! | a field is added | `#[serde(default)]`, or an `Option`; the way back drops it |
//! | a field is taken out | nothing; a way back only if it had a default |
//! | a field is renamed | `#[serde(alias = "old")]`; no way back without a version |
//! | a number gets wider, a variant is added | nothing; no way back |
//! | anything else | another `version`, `from` the one before, and conversions both ways |
//!
//! A conversion up is `From` or `TryFrom` of the version before, down is one for it. Both get a value of their own: down, a copy, made by way of
//! the bytes, since the process may go on where it is. `#[state(one_way)]` says that there is no way
//! down: then there is no hot roll-back across that version. `cargo system check` says what a change lacks, and writes the code that is missing.
//!
//! Types within a state derive `State`, too. A field of a type that does not is declared by `#[state(opaque = "uuid::Uuid")]`: two versions
//! understand each other in it as long as that text is the same. A type whose every field is its own business says so on the type. A type may
//! hold itself (`Vec<Node>` in `Node`); in a circle of several types one link is opaque.
//!
//! Bytes are MessagePack, structs as maps by field name, as messages are.

pub(crate) mod record;
mod sdk;
mod shape;
mod shaped;
mod text;

pub use plugin_abi_derive::State;
pub use shape::{Before, Chain, Element, Enum, Field, Newtype, Shape, Shaped, Struct, Tag, Tuple, Variant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// State of a process that moves from version to version of its plugin. Derived: see the [module](self).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not declared as a state",
    note = "derive it: `#[derive(serde::Serialize, serde::Deserialize, plugin_abi::State)]`"
)]
pub trait State: Serialize + DeserializeOwned + Send + 'static {
    /// This version, and those it can be made of.
    const CHAIN: &'static Chain;

    /// Reads what [`to_version`](Self::to_version) of that version has written, on any image.
    ///
    /// # Errors
    /// It is of a version that is not known, a conversion refuses it, or the bytes are no such state.
    fn from_version(version: u32, bytes: &[u8]) -> Result<Self, StateError>;

    /// Writes it as that version.
    ///
    /// # Errors
    /// There is no way to that version, or a conversion refuses it.
    fn to_version(&self, version: u32) -> Result<Vec<u8>, StateError>;
}

/// Why a state was not read or written: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateError(String);

impl StateError {
    /// With a reason.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }

    #[doc(hidden)]
    #[must_use]
    pub fn no_version(of: &Chain, version: u32) -> Self {
        Self::new(format_args!("{} of version {} knows no version {version}", of.name, of.version))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn one_way(of: &Chain, version: u32) -> Self {
        Self::new(format_args!(
            "{} of version {} is declared one_way: it is not written as version {version}",
            of.name, of.version
        ))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn no_way(from: &Chain, to: &Chain, error: &dyn fmt::Display) -> Self {
        Self::new(format_args!("{} does not become {}: {error}", from.name, to.name))
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StateError {}

/// What the derive's expansion needs, and nobody else.
#[doc(hidden)]
pub mod __private {
    pub use super::record::check;
    use super::{State, StateError};
    use crate::moving::Arrival;
    pub use serde::Serialize;
    pub use serde::de::DeserializeOwned;

    /// # Errors
    /// The bytes are no such state.
    pub fn read<S: State>(bytes: &[u8]) -> Result<S, StateError> {
        rmp_serde::from_slice(bytes).map_err(|error| {
            StateError::new(format_args!(
                "what was written is no {} of version {}: {error}",
                S::CHAIN.name,
                S::CHAIN.version
            ))
        })
    }

    /// Has to be dropped after the copy: what the copy holds that is more than bytes stays the process's own until then.
    #[derive(Debug)]
    pub struct Copied(#[expect(dead_code, reason = "acts when it is dropped")] Arrival);

    /// # Errors
    /// A value in it refuses to be written, or to be read.
    pub fn copy<S: State>(state: &S) -> Result<(Copied, S), StateError> {
        let bytes = write(state)?;
        let (arrival, copy) = Arrival::reading(|| read(&bytes));
        Ok((Copied(arrival), copy?))
    }

    /// # Errors
    /// A value in it refuses to be written.
    pub fn write<S: State>(state: &S) -> Result<Vec<u8>, StateError> {
        rmp_serde::to_vec_named(state)
            .map_err(|error| StateError::new(format_args!("a {} cannot be written: {error}", S::CHAIN.name)))
    }
}

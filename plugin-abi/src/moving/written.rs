//! What a process's loop writes at a boundary: its state, and what it has beside it.

use super::types::MovingType;
use crate::abi::ProcessFuture;
use crate::ffi;
use crate::state::{State, StateError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::any::{Any, TypeId};
use std::time::{Duration, Instant};

/// See the file's head. `B`: what loops of that kind have beside what all have.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Written<B> {
    #[serde(with = "serde_bytes")]
    pub(crate) state: Vec<u8>,
    /// What is left of [`Flow::Timeout`](crate::server::Flow::Timeout).
    pub(crate) timeout: Option<Duration>,
    /// Calls that it has made.
    pub(crate) calls: u64,
    pub(crate) beside: B,
}

impl<B: Serialize + DeserializeOwned> Written<B> {
    /// Of the current process, with a state that is written already.
    pub(crate) fn now(state: Vec<u8>, deadline: Option<Instant>, beside: B) -> Self {
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let calls = ffi::with_local(ffi::Local::calls).unwrap_or_default();
        Self { state, timeout, calls, beside }
    }

    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, StateError> {
        rmp_serde::to_vec_named(self).map_err(StateError::new)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, StateError> {
        rmp_serde::from_slice(bytes).map_err(StateError::new)
    }
}

/// A type with the state `S`, whose loop has a `B` beside it.
pub(crate) const fn moving_type<S, B>(restore: fn(u32, &[u8]) -> Result<ProcessFuture, StateError>) -> MovingType
where
    S: State,
    B: Serialize + DeserializeOwned,
{
    MovingType { id: TypeId::of::<S>, chain: S::CHAIN, write: write::<S>, restore, convert: convert::<S, B> }
}

fn write<S: State>(state: &dyn Any, version: u32) -> Result<Vec<u8>, StateError> {
    let state: &S = state.downcast_ref().ok_or_else(|| StateError::new("it is of another type"))?;
    state.to_version(version)
}

fn convert<S: State, B: Serialize + DeserializeOwned>(from: u32, bytes: &[u8], to: u32) -> Result<Vec<u8>, StateError> {
    let written = Written::<B>::from_bytes(bytes)?;
    let state = S::from_version(from, &written.state)?.to_version(to)?;
    Written { state, ..written }.to_bytes()
}

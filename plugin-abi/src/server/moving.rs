//! A server that moves to another version of its plugin.

use super::reference::Event;
use super::run::{Serving, serve};
use super::{Context, Flow, Server};
use crate::abi::ProcessFuture;
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::Mailbox;
use crate::moving::MovingType;
use crate::process::{Pid, self_pid};
use crate::state::{State, StateError};
use serde::{Deserialize, Serialize};
use std::any::{Any, TypeId};
use std::time::{Duration, Instant};

/// A server as its loop writes it at a boundary.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
    parent: Option<Pid>,
    /// What is left of [`Flow::Timeout`].
    timeout: Option<Duration>,
    /// Calls that it has made.
    calls: u64,
}

/// What [`application!`](crate::application) lists for a server whose state is declared.
///
/// # Panics
/// At compile time, when its calls or casts are [`Local`](crate::Local): one version could not read what the other is sent.
#[doc(hidden)]
#[must_use]
pub const fn moving_type<S: Server + State>() -> MovingType {
    assert!(
        <Event<S::Call, S::Cast> as crate::Message>::CODEC.is_some(),
        "calls and casts of a server that moves must be encodable"
    );
    MovingType { id: TypeId::of::<S>, chain: S::CHAIN, write: write::<S>, restore: restore::<S>, convert: convert::<S> }
}

/// The server in that version, and what its loop has beside it.
pub(super) fn give<S: Server>(
    serving: &Serving<S>,
    deadline: Option<Instant>,
) -> impl FnOnce(u32) -> Result<Vec<u8>, StateError> {
    move |version| {
        let moving = crate::moving::of_type(TypeId::of::<S>())
            .ok_or_else(|| StateError::new("this type is not among those that move"))?;
        let state = (moving.write)(&serving.server, version)?;
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let calls = ffi::with_local(ffi::Local::calls).unwrap_or_default();
        to_bytes(&Written { state, parent: serving.parent, timeout, calls })
    }
}

fn to_bytes(written: &Written) -> Result<Vec<u8>, StateError> {
    rmp_serde::to_vec_named(written).map_err(StateError::new)
}

fn from_bytes(bytes: &[u8]) -> Result<Written, StateError> {
    rmp_serde::from_slice(bytes).map_err(StateError::new)
}

fn write<S: State>(server: &dyn Any, version: u32) -> Result<Vec<u8>, StateError> {
    let server: &S = server.downcast_ref().ok_or_else(|| StateError::new("it is of another type"))?;
    server.to_version(version)
}

fn restore<S: Server + State>(version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
    let Written { state, parent, timeout, calls } = from_bytes(bytes)?;
    let server = S::from_version(version, &state)?;
    Ok(into_process::<S, Messages<Event<S::Call, S::Cast>>, _>(async move {
        ffi::with_local(|local| local.arrive(calls));
        let pid = self_pid().expect("a process has a pid");
        let context = Context { mailbox: Mailbox::of_moved(pid) };
        let flow = timeout.map_or(Flow::Continue, Flow::Timeout);
        serve(Serving { server, context, parent }, flow).await
    }))
}

fn convert<S: State>(from: u32, bytes: &[u8], to: u32) -> Result<Vec<u8>, StateError> {
    let written = from_bytes(bytes)?;
    let state = S::from_version(from, &written.state)?.to_version(to)?;
    to_bytes(&Written { state, ..written })
}

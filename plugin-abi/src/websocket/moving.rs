//! A session that moves to another version of its plugin.

use super::reference::Event;
use super::run::{Serving, serve};
use super::session::Session;
use super::wire::{Parts, Wire};
use crate::abi::ProcessFuture;
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::Mailbox;
use crate::moving::MovingType;
use crate::net::{Left, TcpStream};
use crate::process::self_pid;
use crate::server::Flow;
use crate::state::{State, StateError};
use serde::{Deserialize, Serialize};
use std::any::{Any, TypeId};
use std::time::{Duration, Instant};

/// A session as its loop writes it at a boundary.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(with = "serde_bytes")]
    state: Vec<u8>,
    /// What is left of [`Flow::Timeout`].
    timeout: Option<Duration>,
    /// Calls that it has made.
    calls: u64,
    stream: Left,
    #[serde(with = "serde_bytes")]
    unread: Vec<u8>,
    #[serde(with = "serde_bytes")]
    unsent: Vec<u8>,
}

/// What [`application!`](crate::application) lists for a session.
///
/// # Panics
/// At compile time, when its messages are [`Local`](crate::Local): one version could not read what the other is sent.
#[doc(hidden)]
#[must_use]
pub const fn moving_type<S: Session>() -> MovingType {
    assert!(
        <Event<S::Message> as crate::Message>::CODEC.is_some(),
        "messages to a session that moves must be encodable"
    );
    MovingType { id: TypeId::of::<S>, chain: S::CHAIN, write: write::<S>, restore: restore::<S>, convert: convert::<S> }
}

/// The session in that version, with its wire, and what its loop has beside it.
pub(super) fn give<S: Session>(
    serving: &Serving<S>,
    deadline: Option<Instant>,
) -> impl FnOnce(u32) -> Result<Vec<u8>, StateError> {
    move |version| {
        let state = serving.session.to_version(version)?;
        let timeout = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let calls = ffi::with_local(ffi::Local::calls).unwrap_or_default();
        let Parts { stream, unread, unsent } = serving.context.wire.parts();
        let stream = stream.leave().map_err(StateError::new)?;
        to_bytes(&Written { state, timeout, calls, stream, unread, unsent })
    }
}

fn to_bytes(written: &Written) -> Result<Vec<u8>, StateError> {
    rmp_serde::to_vec_named(written).map_err(StateError::new)
}

fn from_bytes(bytes: &[u8]) -> Result<Written, StateError> {
    rmp_serde::from_slice(bytes).map_err(StateError::new)
}

fn write<S: State>(session: &dyn Any, version: u32) -> Result<Vec<u8>, StateError> {
    let session: &S = session.downcast_ref().ok_or_else(|| StateError::new("it is of another type"))?;
    session.to_version(version)
}

fn restore<S: Session>(version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
    let Written { state, timeout, calls, stream, unread, unsent } = from_bytes(bytes)?;
    let session = S::from_version(version, &state)?;
    let stream = TcpStream::arrive(stream).map_err(StateError::new)?;
    Ok(into_process::<S, Messages<Event<S::Message>>, _>(async move {
        ffi::with_local(|local| local.arrive(calls));
        let pid = self_pid().expect("a process has a pid");
        let wire = Wire::new(Parts { stream, unread, unsent });
        let flow = timeout.map_or(Flow::Continue, Flow::Timeout);
        serve(Serving::new(session, Mailbox::of_moved(pid), wire), flow).await
    }))
}

fn convert<S: State>(from: u32, bytes: &[u8], to: u32) -> Result<Vec<u8>, StateError> {
    let written = from_bytes(bytes)?;
    let state = S::from_version(from, &written.state)?.to_version(to)?;
    to_bytes(&Written { state, ..written })
}

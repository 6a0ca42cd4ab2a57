//! A session that moves to another version of its plugin, with its socket.

use super::reference::Event;
use super::run::{Serving, serve};
use super::session::Session;
use super::wire::{Parts, Wire};
use crate::abi::ProcessFuture;
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::Mailbox;
use crate::moving::{self, MovingType};
use crate::net::{Left, TcpStream};
use crate::process::self_pid;
use crate::server::Flow;
use crate::state::StateError;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// A session as its loop writes it at a boundary; beside its state, its wire.
type Written = moving::Written<LeftWire>;

/// A wire as it is written.
#[derive(Debug, Serialize, Deserialize)]
struct LeftWire {
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
    moving::moving_type::<S, LeftWire>(restore::<S>)
}

/// The session in that version, with its wire, and what its loop has beside it.
pub(super) fn give<S: Session>(
    serving: &Serving<S>,
    deadline: Option<Instant>,
) -> impl FnOnce(u32) -> Result<Vec<u8>, StateError> {
    move |version| {
        let state = serving.session.to_version(version)?;
        let Parts { stream, unread, unsent } = serving.context.wire.parts();
        let stream = stream.leave().map_err(StateError::new)?;
        Written::now(state, deadline, LeftWire { stream, unread, unsent }).to_bytes()
    }
}

fn restore<S: Session>(version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
    let Written { state, timeout, calls, beside } = Written::from_bytes(bytes)?;
    let LeftWire { stream, unread, unsent } = beside;
    let session = S::from_version(version, &state)?;
    let stream = TcpStream::arrive(stream).map_err(StateError::new)?;
    Ok(into_process::<S, Messages<Event<S::Message>>, _>(async move {
        ffi::with_local(|local| local.arrive(calls));
        let pid = self_pid().expect("a process has a pid");
        let wire = Wire::new(Parts { stream, unread, unsent });
        let mut serving = Serving::new(session, Mailbox::of_moved(pid), wire);
        serving.session.moved(&mut serving.context).await;
        let flow = timeout.map_or(Flow::Continue, Flow::Timeout);
        serve(serving, flow).await
    }))
}

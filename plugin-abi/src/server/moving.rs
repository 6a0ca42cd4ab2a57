//! A server that moves to another version of its plugin.

use super::reference::Event;
use super::run::{Serving, serve};
use super::{Context, Flow, Server};
use crate::abi::ProcessFuture;
use crate::ffi::{self, Messages, into_process};
use crate::mailbox::Mailbox;
use crate::moving::{self, MovingType};
use crate::process::{Pid, self_pid};
use crate::state::{State, StateError};
use std::any::TypeId;
use std::time::Instant;

/// A server as its loop writes it at a boundary; beside its state, its starter.
type Written = moving::Written<Option<Pid>>;

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
    moving::moving_type::<S, Option<Pid>>(restore::<S>)
}

/// The server in that version, and what its loop has beside it.
pub(super) fn give<S: Server>(
    serving: &Serving<S>,
    deadline: Option<Instant>,
) -> impl FnOnce(u32) -> Result<Vec<u8>, StateError> {
    move |version| {
        let moving = moving::of_type(TypeId::of::<S>())
            .ok_or_else(|| StateError::new("this type is not among those that move"))?;
        let state = (moving.write)(&serving.server, version)?;
        Written::now(state, deadline, serving.parent).to_bytes()
    }
}

fn restore<S: Server + State>(version: u32, bytes: &[u8]) -> Result<ProcessFuture, StateError> {
    let Written { state, timeout, calls, beside: parent } = Written::from_bytes(bytes)?;
    let server = S::from_version(version, &state)?;
    Ok(into_process::<S, Messages<Event<S::Call, S::Cast>>, _>(async move {
        ffi::with_local(|local| local.arrive(calls));
        let pid = self_pid().expect("a process has a pid");
        let context = Context { mailbox: Mailbox::of_moved(pid) };
        let flow = timeout.map_or(Flow::Continue, Flow::Timeout);
        serve(Serving { server, context, parent }, flow).await
    }))
}

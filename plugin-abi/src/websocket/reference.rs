//! A session as other processes see it, and what comes into its mailbox.

use super::session::Session;
use crate::exit::{Down, Exit};
use crate::mailbox::{Address, SendError};
use crate::message::{Codec, Message};
use crate::process::Pid;
use crate::state::{Shape, Shaped};
use crate::timer::TimerRef;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A session that runs, or has run. Cheap to copy. It can be sent to other processes, of other versions too.
pub struct SessionRef<S: Session>(Address<Event<S::Message>>);

/// A session's mailbox.
#[derive(Debug)]
pub(super) enum Event<M> {
    Message(M),
    Down(Down),
    Exit(Exit),
}

impl<M: Message> Message for Event<M> {
    const CODEC: Option<Codec<Self>> = match M::CODEC {
        Some(_) => Some(Codec { encode, decode }),
        None => None,
    };
}

fn encode<M: Message>(event: &Event<M>) -> Option<Vec<u8>> {
    match event {
        Event::Message(message) => (M::CODEC?.encode)(message),
        // The host alone makes these, in their own form.
        Event::Down(_) | Event::Exit(_) => None,
    }
}

fn decode<M: Message>(bytes: &[u8]) -> Option<Event<M>> {
    (M::CODEC?.decode)(bytes).map(Event::Message)
}

impl<M> From<Down> for Event<M> {
    fn from(down: Down) -> Self {
        Self::Down(down)
    }
}

impl<M> From<Exit> for Event<M> {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl<S: Session> SessionRef<S> {
    pub(super) fn of(pid: Pid) -> Self {
        Self(Address::of(pid))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Sends it a message.
    ///
    /// # Errors
    /// See [`SendError`]; what was sent is gone.
    pub fn send(&self, message: S::Message) -> Result<(), SendError<()>> {
        self.0.send(Event::Message(message)).map_err(|refused| refused.forget())
    }

    /// The same, so long from now or a little later. What cannot be delivered then is dropped.
    pub fn send_after(&self, delay: Duration, message: S::Message) -> TimerRef {
        self.0.send_after(delay, Event::Message(message))
    }
}

/// For serde a process is its pid, by whatever it is spoken to.
impl<S: Session> Shaped for SessionRef<S> {
    const SHAPE: &'static Shape = Pid::SHAPE;
}

impl<S: Session> Clone for SessionRef<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Session> Copy for SessionRef<S> {}

impl<S: Session> PartialEq for SessionRef<S> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<S: Session> Eq for SessionRef<S> {}

impl<S: Session> fmt::Debug for SessionRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionRef({})", self.pid())
    }
}

impl<S: Session> Serialize for SessionRef<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        self.pid().serialize(serializer)
    }
}

impl<'de, S: Session> Deserialize<'de> for SessionRef<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pid::deserialize(deserializer).map(Self::of)
    }
}

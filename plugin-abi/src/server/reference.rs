//! A server as others see it, and what comes into its mailbox.

use super::Server;
use crate::call::{CallError, ReplyTo};
use crate::exit::{Down, Exit, ExitReason};
use crate::mailbox::{Address, SendError};
use crate::message::{Codec, Message};
use crate::process::Pid;
use crate::registry::whereis;
use crate::time::FOREVER;
use crate::timer::TimerRef;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// A server that runs, or has run. Cheap to copy. It can be sent to other processes, of other versions too.
pub struct ServerRef<S: Server>(Address<Event<S::Call, S::Cast>>);

/// A server's mailbox.
#[derive(Debug)]
pub(super) enum Event<C, T> {
    Call(C),
    Cast(T),
    Stop(ExitReason, ReplyTo<()>),
    Down(Down),
    Exit(Exit),
}

/// In front of an encoded event.
const CALL: u8 = 0;
const CAST: u8 = 1;
const STOP: u8 = 2;

impl<C: Message, T: Message> Message for Event<C, T> {
    const CODEC: Option<Codec<Self>> = match (C::CODEC, T::CODEC) {
        (Some(_), Some(_)) => Some(Codec { encode, decode }),
        _ => None,
    };
}

fn encode<C: Message, T: Message>(event: &Event<C, T>) -> Option<Vec<u8>> {
    let (kind, value) = match event {
        Event::Call(call) => (CALL, (C::CODEC?.encode)(call)?),
        Event::Cast(cast) => (CAST, (T::CODEC?.encode)(cast)?),
        Event::Stop(reason, reply) => (STOP, rmp_serde::to_vec(&(reason, reply)).ok()?),
        // The host alone makes these, in their own form.
        Event::Down(_) | Event::Exit(_) => return None,
    };
    Some([&[kind], value.as_slice()].concat())
}

fn decode<C: Message, T: Message>(bytes: &[u8]) -> Option<Event<C, T>> {
    match bytes.split_first()? {
        (&CALL, value) => (C::CODEC?.decode)(value).map(Event::Call),
        (&CAST, value) => (T::CODEC?.decode)(value).map(Event::Cast),
        (&STOP, value) => rmp_serde::from_slice(value).ok().map(|(reason, reply)| Event::Stop(reason, reply)),
        _ => None,
    }
}

impl<C, T> From<Down> for Event<C, T> {
    fn from(down: Down) -> Self {
        Self::Down(down)
    }
}

impl<C, T> From<Exit> for Event<C, T> {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl<S: Server> ServerRef<S> {
    pub(super) fn of(pid: Pid) -> Self {
        Self(Address::of(pid))
    }

    /// The server that has a name. Whether it is one of this type is seen when something is sent to it: it is refused as
    /// [`SendError::WrongType`] if not.
    #[must_use]
    pub fn whereis(name: &str) -> Option<Self> {
        whereis(name).map(Self)
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Sends a request and waits for the answer, for [`CALL_TIMEOUT`](crate::CALL_TIMEOUT) at the most.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn call<R: Message>(&self, request: impl FnOnce(ReplyTo<R>) -> S::Call) -> Result<R, CallError> {
        self.0.call(|reply| Event::Call(request(reply))).await
    }

    /// The same, for another time at the most.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn call_within<R: Message>(
        &self,
        timeout: Duration,
        request: impl FnOnce(ReplyTo<R>) -> S::Call,
    ) -> Result<R, CallError> {
        self.0.call_within(timeout, |reply| Event::Call(request(reply))).await
    }

    /// Sends a message that needs no answer.
    ///
    /// # Errors
    /// See [`SendError`]; what was sent is gone. OTP's cast says nothing: whoever wants that drops the result.
    pub fn cast(&self, cast: S::Cast) -> Result<(), SendError<()>> {
        self.0.send(Event::Cast(cast)).map_err(|refused| refused.forget())
    }

    /// The same, so long from now or a little later. What cannot be delivered then is dropped.
    pub fn cast_after(&self, delay: Duration, cast: S::Cast) -> TimerRef {
        self.0.send_after(delay, Event::Cast(cast))
    }

    /// Has it end in order, for the reason `Normal`, behind the messages that are there; returns when `terminate` is done. Nothing to
    /// stop is no error.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn stop(&self) -> Result<(), CallError> {
        match self.0.call_within(FOREVER, |reply| Event::Stop(ExitReason::Normal, reply)).await {
            Ok(()) | Err(CallError::NoReply | CallError::Send(SendError::Dead(()))) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl<S: Server> Clone for ServerRef<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Server> Copy for ServerRef<S> {}

impl<S: Server> PartialEq for ServerRef<S> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<S: Server> Eq for ServerRef<S> {}

impl<S: Server> fmt::Debug for ServerRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerRef({})", self.pid())
    }
}

impl<S: Server> Serialize for ServerRef<S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        self.pid().serialize(serializer)
    }
}

impl<'de, S: Server> Deserialize<'de> for ServerRef<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pid::deserialize(deserializer).map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_back_from_its_bytes_and_a_local_one_has_none() {
        let bytes = encode(&Event::<u64, String>::Call(7)).expect("encodable");
        assert!(matches!(decode::<u64, String>(&bytes), Some(Event::Call(7))));
        let bytes = encode(&Event::<u64, String>::Cast("on".to_owned())).expect("encodable");
        assert!(matches!(decode::<u64, String>(&bytes), Some(Event::Cast(cast)) if cast == "on"));
        assert!(decode::<u64, String>(&[9]).is_none() && decode::<u64, String>(&[]).is_none());
        assert!(Event::<crate::Local<u64>, ()>::CODEC.is_none());
    }
}

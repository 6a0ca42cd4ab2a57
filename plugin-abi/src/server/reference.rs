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

/// What can be said to a server: every [`Server`] has one, its own. Where another plugin is to talk to it, a crate that both depend on has the types
/// and gives them a name:
///
/// ```
/// use plugin_abi::ReplyTo;
/// use plugin_abi::server::{Protocol, ServerRef};
/// use serde::{Deserialize, Serialize};
///
/// pub struct Stock;
///
/// #[derive(Serialize, Deserialize)]
/// pub enum Call {
///     Take(u64, ReplyTo<bool>),
/// }
///
/// impl Protocol for Stock {
///     type Call = Call;
///     type Cast = ();
/// }
///
/// /// In whatever plugin: the server of these calls is in another one, under the name `stock`.
/// async fn take(count: u64) -> bool {
///     match ServerRef::<Stock>::whereis("stock") {
///         Some(stock) => stock.call(|reply| Call::Take(count, reply)).await.unwrap_or(false),
///         None => false,
///     }
/// }
/// ```
pub trait Protocol: 'static {
    /// See [`Server::Call`].
    type Call: Message;
    /// See [`Server::Cast`].
    type Cast: Message;
}

impl<S: Server> Protocol for S {
    type Call = S::Call;
    type Cast = S::Cast;
}

/// A server that runs, or has run. Cheap to copy. It can be sent to other processes, of other versions and plugins too.
pub struct ServerRef<P: Protocol>(Address<Event<P::Call, P::Cast>>);

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

impl<P: Protocol> ServerRef<P> {
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
    pub async fn call<R: Message>(&self, request: impl FnOnce(ReplyTo<R>) -> P::Call) -> Result<R, CallError> {
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
        request: impl FnOnce(ReplyTo<R>) -> P::Call,
    ) -> Result<R, CallError> {
        self.0.call_within(timeout, |reply| Event::Call(request(reply))).await
    }

    /// Sends a message that needs no answer.
    ///
    /// # Errors
    /// See [`SendError`]; what was sent is gone. OTP's cast says nothing: whoever wants that drops the result.
    pub fn cast(&self, cast: P::Cast) -> Result<(), SendError<()>> {
        self.0.send(Event::Cast(cast)).map_err(|refused| refused.forget())
    }

    /// The same, so long from now or a little later. What cannot be delivered then is dropped.
    pub fn cast_after(&self, delay: Duration, cast: P::Cast) -> TimerRef {
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

impl<P: Protocol> Clone for ServerRef<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Protocol> Copy for ServerRef<P> {}

impl<P: Protocol> PartialEq for ServerRef<P> {
    fn eq(&self, other: &Self) -> bool {
        self.pid() == other.pid()
    }
}

impl<P: Protocol> Eq for ServerRef<P> {}

impl<P: Protocol> fmt::Debug for ServerRef<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerRef({})", self.pid())
    }
}

impl<P: Protocol> Serialize for ServerRef<P> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        self.pid().serialize(serializer)
    }
}

impl<'de, P: Protocol> Deserialize<'de> for ServerRef<P> {
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

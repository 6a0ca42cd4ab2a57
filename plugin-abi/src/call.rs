//! Calls: a request with an answer.
//!
//! ```text
//! caller: send(request with ReplyTo) ─► waits ─┬─ answer ─► Ok
//!                                              ├─ ReplyTo dropped: unanswered, or the receiver died ─► NoReply
//!                                              └─ the time is up ─► Timeout; the answer, should it come yet, is dropped
//! ```
//!
//! An answer names its call, by the caller's pid and a number that is never used twice in that process: so it cannot reach another
//! caller, nor another call of the same one. It comes through the mailbox of the caller, past messages that wait there.

use crate::exit::ExitReason;
use crate::ffi::{self, Local};
use crate::mailbox::{Address, SendError};
use crate::message::{Codec, Message};
use crate::moving::Carried;
use crate::process::Pid;
use crate::time::{after, sleep_until};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// How long [`Address::call`] waits.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Where the answer to a call goes. Dropped without one, it tells the caller so.
#[must_use = "dropped, it tells the caller that there is no answer"]
pub struct ReplyTo<R: Message> {
    pid: Pid,
    reference: u64,
    /// False when it was encoded: another one, made of those bytes, goes on in its place. True again when it was encoded once more, as the host
    /// does when nobody could make anything of the bytes: so its sender, or its end, answers.
    is_live: AtomicBool,
    carried: Carried,
    answer: PhantomData<fn(R)>,
}

/// What comes back. `None`: the request was dropped unanswered.
struct Answer<R>(Option<R>);

impl<R: Message> Message for Answer<R> {
    const CODEC: Option<Codec<Self>> = Some(Codec { encode: encode_answer, decode: decode_answer });
}

/// What stands in front of an encoded value.
const VALUE: u8 = 1;
/// Stands alone: there is a value, and it cannot be encoded. The caller hears that rather than nothing.
const UNREADABLE: u8 = 2;

/// Nothing, or one of the marks and what belongs to it.
#[expect(clippy::unnecessary_wraps, reason = "a codec's function")]
fn encode_answer<R: Message>(answer: &Answer<R>) -> Option<Vec<u8>> {
    let Some(value) = &answer.0 else { return Some(Vec::new()) };
    let Some(encoded) = R::CODEC.and_then(|codec| (codec.encode)(value)) else { return Some(vec![UNREADABLE]) };
    let mut bytes = vec![VALUE];
    bytes.extend(encoded);
    Some(bytes)
}

fn decode_answer<R: Message>(bytes: &[u8]) -> Option<Answer<R>> {
    match bytes.split_first() {
        None => Some(Answer(None)),
        Some((&VALUE, value)) => (R::CODEC?.decode)(value).map(|value| Answer(Some(value))),
        Some(_) => None,
    }
}

impl<R: Message> ReplyTo<R> {
    /// Answers. A caller that has died, or waits no more, does not hear it.
    pub fn send(self, answer: R) {
        self.is_live.store(false, Ordering::Relaxed);
        self.answer(Some(answer));
    }

    /// Who asks.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    fn answer(&self, answer: Option<R>) {
        // A caller that has died needs none.
        drop(ffi::send(self.pid.get(), ffi::into_reply(self.reference, Answer(answer))));
    }
}

impl<R: Message> Drop for ReplyTo<R> {
    fn drop(&mut self) {
        if self.is_live.load(Ordering::Relaxed) && self.carried.is_ours() {
            self.answer(None);
        }
    }
}

impl<R: Message> fmt::Debug for ReplyTo<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplyTo({} #{})", self.pid, self.reference)
    }
}

impl<R: Message> Serialize for ReplyTo<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.carried.leave().is_err() {
            self.is_live.fetch_xor(true, Ordering::Relaxed);
        }
        (self.pid, self.reference).serialize(serializer)
    }
}

impl<'de, R: Message> Deserialize<'de> for ReplyTo<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (pid, reference) = Deserialize::deserialize(deserializer)?;
        let carried = Carried::arrive().unwrap_or_default();
        Ok(Self { pid, reference, is_live: AtomicBool::new(true), carried, answer: PhantomData })
    }
}

/// Why a call has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// The request could not be sent.
    Send(SendError<()>),
    /// The receiver dropped the request unanswered, or died.
    NoReply,
    /// The time was up. The receiver may still act on the request.
    Timeout,
    /// The answer is of a type that this version does not understand.
    Unreadable,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => write!(f, "the request was not sent: {error}"),
            Self::NoReply => f.write_str("the request was dropped unanswered, or the receiver died"),
            Self::Timeout => f.write_str("there was no answer in time"),
            Self::Unreadable => f.write_str("the answer is of a type that this version does not understand"),
        }
    }
}

impl std::error::Error for CallError {}

impl<M: Message> Address<M> {
    /// Sends a request and waits for the answer, for [`CALL_TIMEOUT`] at the most. Dropped while it waits, it loses the answer and nothing
    /// else.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn call<R: Message>(&self, request: impl FnOnce(ReplyTo<R>) -> M) -> Result<R, CallError> {
        self.call_within(CALL_TIMEOUT, request).await
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
        request: impl FnOnce(ReplyTo<R>) -> M,
    ) -> Result<R, CallError> {
        ask(timeout, |reply_to| self.send(request(reply_to)).map_err(|refused| CallError::Send(refused.forget())))
            .await?
    }
}

/// Gives a [`ReplyTo`] of the current process to `send`, and waits for the answer. The outer error is that of `send`.
///
/// # Panics
/// Outside of a process.
pub(crate) async fn ask<R: Message, E>(
    timeout: Duration,
    send: impl FnOnce(ReplyTo<R>) -> Result<(), E>,
) -> Result<Result<R, CallError>, E> {
    let call = Call::begin(after(timeout));
    send(call.reply_to())?;
    Ok(call.answer().await)
}

/// A call that is waited for, in the process that began it. Dropped, it is not any more.
pub(crate) struct Call {
    pid: Pid,
    reference: u64,
    deadline: Instant,
}

impl Call {
    /// # Panics
    /// Outside of a process.
    pub(crate) fn begin(deadline: Instant) -> Self {
        let begun = ffi::with_local(|local| (local.pid(), local.begin_call()));
        let (pid, reference) = begun.expect("a call is made in a process, whose mailbox the answer comes to");
        Self { pid: Pid::from_raw(pid), reference, deadline }
    }

    /// Where its answer goes: for one receiver.
    pub(crate) fn reply_to<R: Message>(&self) -> ReplyTo<R> {
        let (is_live, carried) = (AtomicBool::new(true), Carried::default());
        ReplyTo { pid: self.pid, reference: self.reference, is_live, carried, answer: PhantomData }
    }

    /// # Panics
    /// In another process.
    pub(crate) fn poll_answer<R: Message>(&self, waker: &Waker) -> Poll<Result<R, CallError>> {
        let poll = |local: &Local| local.poll_call(self.pid.get(), self.reference, self.deadline, waker);
        let polled = self.at_home(poll).expect("an answer is waited for in the process that it comes to");
        let Some(reply) = std::task::ready!(polled) else { return Poll::Ready(Err(CallError::Timeout)) };
        Poll::Ready(match ffi::from_reply(reply) {
            Some(Answer(Some(answer))) => Ok(answer),
            Some(Answer(None)) => Err(CallError::NoReply),
            None => Err(CallError::Unreadable),
        })
    }

    /// `None`: this is not the process that made the call. Elsewhere its number would be another call's.
    fn at_home<R>(&self, act: impl FnOnce(&Local) -> R) -> Option<R> {
        ffi::with_local(|local| (local.pid() == self.pid.get()).then(|| act(local))).flatten()
    }

    async fn answer<R: Message>(self) -> Result<R, CallError> {
        let mut time_is_up = sleep_until(self.deadline);
        poll_fn(|cx| {
            // An executor within the process polls this only when its own waker is called.
            if !ffi::is_process_waker(cx.waker()) && Pin::new(&mut time_is_up).poll(cx).is_ready() {
                return Poll::Ready(Err(CallError::Timeout));
            }
            self.poll_answer(cx.waker())
        })
        .await
    }

    /// It watches the process that is to answer, by that monitor of the current process's.
    pub(crate) fn watch(&self, monitor: u64) {
        self.at_home(|local| local.watch_call(self.reference, monitor));
    }

    /// Why the process that it watches has ended, if it has.
    pub(crate) fn take_end(&self) -> Option<ExitReason> {
        self.at_home(|local| local.take_down(self.reference)).flatten()
    }

    /// It watches no more.
    pub(crate) fn unwatch(&self, pid: Pid, monitor: u64) {
        self.at_home(|local| local.unwatch_call(pid.get(), monitor));
    }

    /// In whose process it is waited for.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.at_home(|local| local.end_call(self.reference));
    }
}

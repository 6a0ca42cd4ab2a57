//! Messages that are sent later, once or again and again.

use crate::exit::Down;
use crate::ffi;
use crate::mailbox::{Address, Mailbox, SendError};
use crate::message::Message;
use crate::process::{Pid, SpawnError, kill};
use crate::spawn::Spawn;
use crate::time::{after, interval_at};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// A message that is sent later. To drop it changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerRef(Timer);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Timer {
    Once(u64),
    Interval(Pid),
}

impl TimerRef {
    /// Takes it back: nothing is sent from here on. False: it was sent already, or taken back before, or there is nobody any more to
    /// send it to again. A message that is in the mailbox already stays there.
    pub fn cancel(self) -> bool {
        match self.0 {
            Timer::Once(timer) => ffi::timer_cancel(timer),
            Timer::Interval(pid) => kill(pid),
        }
    }
}

impl<M: Message> Address<M> {
    /// Sends a message after that time or a little later, also if the process that asks for it has ended by then. What cannot be
    /// delivered then is dropped, and the log says so unless the receiver is dead.
    pub fn send_after(&self, delay: Duration, message: M) -> TimerRef {
        let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        TimerRef(Timer::Once(ffi::send_after(self.pid().get(), ffi::into_raw(message), delay)))
    }

    /// Sends a message every `period`, the first time after one, at times that do not drift; until the receiver ends, or the timer is
    /// taken back. It is a process of this version that does it: it outlives the one that asks for it, and lets this version drain only
    /// when it ends.
    ///
    /// When that process comes late, one message is sent, not all that were missed. A full mailbox misses one.
    ///
    /// # Errors
    /// See [`SpawnError`].
    ///
    /// # Panics
    /// When the period is zero.
    pub fn send_interval(&self, period: Duration, message: M) -> Result<TimerRef, SpawnError>
    where
        M: Clone,
    {
        let receiver = *self;
        let interval = interval_at(after(period), period);
        let process = move |mut mailbox: Mailbox<Down>| async move {
            mailbox.monitor(receiver.pid());
            let mut interval = interval;
            let mut end = pin!(mailbox.receive());
            let mut has_ended_or_ticked = async || {
                poll_fn(|cx| match end.as_mut().poll(cx) {
                    Poll::Ready(_) => Poll::Ready(None),
                    Poll::Pending => interval.poll_tick(cx).map(Some),
                })
                .await
            };
            while has_ended_or_ticked().await.is_some() {
                if let Err(SendError::Dead(_) | SendError::WrongType(_)) = receiver.send(message.clone()) {
                    break;
                }
            }
        };
        Spawn::new().start_with(process).map(|address| TimerRef(Timer::Interval(address.pid())))
    }
}

//! Typed mailboxes and addresses.

use crate::abi::{LOG_WARN, STATUS_DENIED, STATUS_LIMIT, STATUS_NONE, Status};
use crate::exit::{Down, Exit, ExitReason, MonitorRef, Outcome};
use crate::ffi::{self, Event, Notice, RawMessage, Received};
use crate::message::Message;
use crate::process::{Pid, SpawnError, self_pid};
use crate::spawn::Spawn;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::task::Poll;

/// Where messages of type `M` can be sent to: a process with a [`Mailbox<M>`]. Cheap to clone; the process may be dead.
pub struct Address<M> {
    pid: Pid,
    message: PhantomData<fn(M)>,
}

/// A process's own mailbox. It works in its process alone.
pub struct Mailbox<M> {
    pid: Pid,
    /// Set by the first monitor: until then no [`Down`] can come.
    from_down: Option<fn(Down) -> M>,
    /// Set when exits are trapped: until then no [`Exit`] can come.
    from_exit: Option<fn(Exit) -> M>,
    /// Messages received without giving way.
    streak: u32,
}

/// So many messages are received in a row; then others that wait for the scheduler run first.
const STREAK_MAX: u32 = 128;

/// Why a message was not sent, and the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendError<M> {
    /// The receiver is dead.
    Dead(M),
    /// The receiver's mailbox holds as many messages as it may.
    Full(M),
    /// The receiver takes messages of another type; or it runs on another version, and the type is [`Local`](crate::Local).
    WrongType(M),
    /// The receiver runs on another version, which does not understand the message.
    Untranslatable(M),
}

/// Starts a process with a mailbox; returns its address. `process` is called in the new process.
/// [`Spawn`] has more ways to start one.
///
/// # Errors
/// See [`SpawnError`]; `process` was dropped.
pub fn spawn_with<M, P, F>(process: P) -> Result<Address<M>, SpawnError>
where
    M: Message,
    P: FnOnce(Mailbox<M>) -> F + Send + 'static,
    F: Future<Output: crate::Outcome> + Send + 'static,
{
    Spawn::new().start_with(process)
}

impl<M> Address<M> {
    pub(crate) fn of(pid: Pid) -> Self {
        Self { pid, message: PhantomData }
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

impl<M: Message> Address<M> {
    /// Puts a message into the mailbox: at its end, behind whatever this process sent there before. It never waits (in OTP's words, it is
    /// a cast): a full mailbox refuses, and who wants to be slowed down by a slow receiver waits for room by
    /// [`send_within`](Self::send_within), or [calls](Self::call) it.
    ///
    /// # Errors
    /// See [`SendError`]; the message comes back.
    pub fn send(&self, message: M) -> Result<(), SendError<M>> {
        ffi::send(self.pid.get(), ffi::into_raw(message)).map_err(|(refused, status)| SendError::of(status, refused))
    }
}

impl<M> SendError<M> {
    /// The message.
    pub fn into_inner(self) -> M {
        let (Self::Dead(message) | Self::Full(message) | Self::WrongType(message) | Self::Untranslatable(message)) =
            self;
        message
    }

    /// The same without the message.
    pub(crate) fn forget(&self) -> SendError<()> {
        match self {
            Self::Dead(_) => SendError::Dead(()),
            Self::Full(_) => SendError::Full(()),
            Self::WrongType(_) => SendError::WrongType(()),
            Self::Untranslatable(_) => SendError::Untranslatable(()),
        }
    }
}

impl<M: Message> SendError<M> {
    fn of(status: Status, refused: RawMessage) -> Self {
        let Received::Value(message) = ffi::from_raw(refused) else {
            unreachable!("the host gives back what it was given")
        };
        match status {
            STATUS_NONE => Self::Dead(message),
            STATUS_LIMIT => Self::Full(message),
            STATUS_DENIED => Self::WrongType(message),
            _ => Self::Untranslatable(message),
        }
    }
}

impl<M: Message> Mailbox<M> {
    pub(crate) fn of_current(pid: Pid) -> Self {
        Self { pid, from_down: None, from_exit: None, streak: 0 }
    }

    /// Of a process that has moved here: it may monitor others already, or trap exits.
    pub(crate) fn of_moved(pid: Pid) -> Self
    where
        M: From<Down> + From<Exit>,
    {
        Self { pid, from_down: Some(M::from), from_exit: Some(M::from), streak: 0 }
    }

    /// Waits for the next message. Dropped while it waits, it loses nothing. Now and then it gives way though there is a message, so
    /// that a process with a full mailbox does not hold its scheduler.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub async fn receive(&mut self) -> M {
        poll_fn(|cx| {
            if self.streak >= STREAK_MAX {
                self.streak = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            while let Some(received) = ffi::receive_to_wait(self.pid.get(), cx.waker()) {
                if let Some(message) = self.read(ffi::from_raw(received)) {
                    self.streak += 1;
                    return Poll::Ready(message);
                }
            }
            self.streak = 0;
            ffi::wait_for_message(self.pid.get(), cx.waker());
            Poll::Pending
        })
        .await
    }

    /// Waits for the oldest message that `is_wanted`: OTP's selective receive. Those that it passes over stay, in their order, and are
    /// not looked at again in this wait. Dropped while it waits, it loses nothing.
    ///
    /// A [`Down`] or an [`Exit`] is shown as the message that is made of it; it is made once.
    ///
    /// Messages that nobody ever wants stay for good: they are looked at by each new wait, and take room in a bounded mailbox.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub async fn receive_where(&mut self, mut is_wanted: impl FnMut(&M) -> bool) -> M {
        let mut looked = 0;
        poll_fn(|cx| {
            if let Some(message) = self.select(&mut looked, &mut is_wanted) {
                return Poll::Ready(message);
            }
            ffi::wait_for_message(self.pid.get(), cx.waker());
            Poll::Pending
        })
        .await
    }

    /// The oldest message that `is_wanted`, if there is one. See [`receive_where`](Self::receive_where).
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn try_receive_where(&mut self, is_wanted: impl FnMut(&M) -> bool) -> Option<M> {
        self.select(&mut 0, is_wanted)
    }

    fn select(&self, looked: &mut usize, is_wanted: impl FnMut(&M) -> bool) -> Option<M> {
        self.assert_own();
        ffi::Saved::borrow(self.pid.get())?.select(looked, |notice| self.read_notice(notice), is_wanted)
    }

    /// The next message, if there is one.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn try_receive(&mut self) -> Option<M> {
        loop {
            let received = ffi::from_raw(ffi::receive(self.pid.get())?);
            if let Some(message) = self.read(received) {
                return Some(message);
            }
        }
    }

    fn read(&self, received: Received<M>) -> Option<M> {
        match received {
            Received::Value(message) => return Some(message),
            Received::Notice(notice) => return self.read_notice(notice),
            Received::Foreign(type_name) => self.refuse(&type_name),
        }
        None
    }

    fn read_notice(&self, notice: Notice) -> Option<M> {
        match notice {
            Notice::Down(down) => self.from_down.map(|from| from(down)),
            Notice::Exit(exit) => self.from_exit.map(|from| from(exit)),
        }
    }

    /// Where this mailbox's messages are sent to.
    #[must_use]
    pub fn address(&self) -> Address<M> {
        Address::of(self.pid)
    }

    fn assert_own(&self) {
        assert_eq!(self_pid(), Some(self.pid), "a mailbox was used outside of the process it belongs to");
    }

    /// This process gets a message made of a [`Down`] when `pid` ends; at once when it is dead already.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn monitor(&mut self, pid: Pid) -> MonitorRef
    where
        M: From<Down>,
    {
        self.expect_downs();
        MonitorRef::from_raw(ffi::monitor(pid.get()))
    }

    pub(crate) fn expect_downs(&mut self)
    where
        M: From<Down>,
    {
        self.assert_own();
        self.from_down = Some(M::from);
    }

    /// Takes a monitor of `pid` back. A message that is in the mailbox already stays there.
    pub fn demonitor(&mut self, pid: Pid, reference: MonitorRef) {
        ffi::demonitor(pid.get(), reference.get());
    }

    /// From here on, exit signals become messages made of an [`Exit`]; but a kill. Without it, a signal ends this process.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn trap_exits(&mut self)
    where
        M: From<Exit>,
    {
        self.assert_own();
        self.from_exit = Some(M::from);
        ffi::trap_exits(true);
    }

    /// A message that cannot be read is dropped, and the log says so. The host lets none in.
    fn refuse(&self, type_name: &str) {
        let message = format!(
            "{}: a message of type {type_name} was dropped: this mailbox takes {} of its own version",
            self.pid,
            std::any::type_name::<M>()
        );
        ffi::log(&Event { level: LOG_WARN, line: 0, file: "", target: module_path!(), message: &message, fields: "" });
    }
}

/// The future of a process with a mailbox.
pub(crate) async fn in_mailbox<M, P, F>(process: P) -> ExitReason
where
    M: Message,
    P: FnOnce(Mailbox<M>) -> F + Send + 'static,
    F: Future<Output: Outcome> + Send + 'static,
{
    let pid = self_pid().expect("a process has a pid");
    process(Mailbox::of_current(pid)).await.into_reason()
}

impl<M> From<Address<M>> for Pid {
    fn from(address: Address<M>) -> Self {
        address.pid
    }
}

impl<M> Serialize for Address<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.pid.serialize(serializer)
    }
}

impl<'de, M> Deserialize<'de> for Address<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pid::deserialize(deserializer).map(Self::of)
    }
}

impl<M> Clone for Address<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Address<M> {}

impl<M> PartialEq for Address<M> {
    fn eq(&self, other: &Self) -> bool {
        self.pid == other.pid
    }
}

impl<M> Eq for Address<M> {}

impl<M> Hash for Address<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.pid.hash(state);
    }
}

impl<M> fmt::Debug for Address<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.pid)
    }
}

impl<M> fmt::Debug for Mailbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox({})", self.pid)
    }
}

impl<M> fmt::Debug for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Dead(_) => "Dead",
            Self::Full(_) => "Full",
            Self::WrongType(_) => "WrongType",
            Self::Untranslatable(_) => "Untranslatable",
        };
        write!(f, "{name}(..)")
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dead(_) => "the receiver is dead",
            Self::Full(_) => "the receiver's mailbox is full",
            Self::WrongType(_) => "the receiver takes messages of another type or version",
            Self::Untranslatable(_) => "the receiver's version does not understand the message",
        })
    }
}

impl<M> std::error::Error for SendError<M> {}

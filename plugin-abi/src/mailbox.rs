//! Typed mailboxes and addresses.

use crate::abi::LOG_WARN;
use crate::ffi::{self, Event, Received};
use crate::process::{Pid, SpawnError, self_pid, spawn_as};
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
}

/// Names a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MonitorRef(u64);

impl MonitorRef {
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(raw)
    }
}

/// A monitored process has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Down {
    /// What [`Mailbox::monitor`] returned.
    pub reference: MonitorRef,
    /// Who ended.
    pub pid: Pid,
    /// Why.
    pub reason: ExitReason,
}

/// Why a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// Its future finished.
    Normal,
    /// It panicked: the message and the place.
    Panic(String),
    /// It was killed.
    Killed,
    /// It was dead before it was monitored.
    NoProcess,
    /// The node stopped.
    Shutdown,
}

/// The receiver is dead: here is the message back.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<M>(pub M);

/// Starts a process with a mailbox; returns its address. `process` is called in the new process.
///
/// # Errors
/// See [`SpawnError`]; `process` was dropped.
pub fn spawn_with<M, P, F>(process: P) -> Result<Address<M>, SpawnError>
where
    M: Send + 'static,
    P: FnOnce(Mailbox<M>) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let pid = spawn_as::<P, _>(async move {
        let Some(pid) = self_pid() else { return };
        process(Mailbox { pid, from_down: None }).await;
    })?;
    Ok(Address { pid, message: PhantomData })
}

impl<M: Send + 'static> Address<M> {
    /// Puts a message into the mailbox: at its end, behind whatever this process sent there before.
    ///
    /// # Errors
    /// The process is dead; the message comes back.
    pub fn send(&self, message: M) -> Result<(), SendError<M>> {
        ffi::send(self.pid.get(), ffi::into_raw(message)).map_err(|refused| match ffi::from_raw(refused) {
            Received::Value(message) => SendError(message),
            Received::Down(_) | Received::Foreign(_) => unreachable!("the host gives back what it was given"),
        })
    }

    /// The process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

impl<M: Send + 'static> Mailbox<M> {
    /// Waits for the next message. Dropped while it waits, it loses nothing.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub async fn receive(&mut self) -> M {
        poll_fn(|cx| {
            if let Some(message) = self.try_receive() {
                return Poll::Ready(message);
            }
            ffi::with_local(|local| local.wait_for_message(self.pid.get(), cx.waker()));
            Poll::Pending
        })
        .await
    }

    /// The next message, if there is one.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn try_receive(&mut self) -> Option<M> {
        loop {
            match ffi::from_raw(ffi::receive(self.pid.get())?) {
                Received::Value(message) => return Some(message),
                Received::Down(down) => {
                    if let Some(from_down) = self.from_down {
                        return Some(from_down(down));
                    }
                }
                Received::Foreign(type_name) => self.refuse(&type_name),
            }
        }
    }

    /// Where this mailbox's messages are sent to.
    #[must_use]
    pub fn address(&self) -> Address<M> {
        Address { pid: self.pid, message: PhantomData }
    }

    /// This process gets a message made of a [`Down`] when `pid` ends; at once when it is dead already.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn monitor(&mut self, pid: Pid) -> MonitorRef
    where
        M: From<Down>,
    {
        assert_eq!(self_pid(), Some(self.pid), "a mailbox was used outside of the process it belongs to");
        self.from_down = Some(M::from);
        MonitorRef(ffi::monitor(pid.get()))
    }

    /// Takes a monitor of `pid` back. A message that is in the mailbox already stays there.
    pub fn demonitor(&mut self, pid: Pid, reference: MonitorRef) {
        ffi::demonitor(pid.get(), reference.0);
    }

    /// A message of another type or image cannot be read: it is dropped, and the log says so.
    fn refuse(&self, type_name: &str) {
        let message = format!(
            "{}: a message of type {type_name} was dropped: this mailbox takes {} of its own version",
            self.pid,
            std::any::type_name::<M>()
        );
        ffi::log(&Event { level: LOG_WARN, line: 0, file: "", target: module_path!(), message: &message, fields: "" });
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
        f.write_str("SendError(..)")
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver is dead")
    }
}

impl<M> std::error::Error for SendError<M> {}

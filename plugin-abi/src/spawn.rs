//! Ways to start a process.

use crate::abi::{
    PRIORITY_HIGH, PRIORITY_LOW, PRIORITY_NORMAL, SPAWN_LINK, SPAWN_MONITOR, STATUS_DENIED, SpawnOptions, Spawned,
};
use crate::exit::{Down, MonitorRef, Outcome};
use crate::ffi::{self, Messages, NoMessages, Takes};
use crate::mailbox::{Address, Mailbox, in_mailbox};
use crate::message::Message;
use crate::process::{Pid, SpawnError};

/// Who runs first when several could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// When nobody else wants to; and all the same in one of 244 turns of a scheduler that always has others.
    Low,
    /// As a rule.
    #[default]
    Normal,
    /// Before all others. Of a scheduler that always has one of these, the normal ones get one of 122 turns, the low ones one of 244: that
    /// is so many turns, not so much time. For short work that others wait for.
    High,
}

impl Priority {
    pub(crate) fn from_abi(priority: u32) -> Self {
        match priority {
            PRIORITY_LOW => Self::Low,
            PRIORITY_HIGH => Self::High,
            _ => Self::Normal,
        }
    }

    fn to_abi(self) -> u32 {
        match self {
            Self::Low => PRIORITY_LOW,
            Self::Normal => PRIORITY_NORMAL,
            Self::High => PRIORITY_HIGH,
        }
    }
}

/// Sets the current process's priority, from its next turn on.
pub fn set_priority(priority: Priority) {
    ffi::set_priority(priority.to_abi());
}

/// How a process is started.
///
/// ```no_run
/// # use plugin_abi::{Mailbox, Priority, Spawn, SpawnError};
/// # fn example() -> Result<(), SpawnError> {
/// let address = Spawn::new().link().mailbox_limit(1000).start_with(|mut mailbox: Mailbox<String>| async move {
///     while mailbox.receive().await != "stop" {}
/// })?;
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "nothing is started before `start` or `start_with`"]
pub struct Spawn {
    priority: Priority,
    mailbox_limit: u32,
    is_linked: bool,
}

impl Spawn {
    /// As [`spawn`](crate::spawn()) does it.
    pub fn new() -> Self {
        Self::default()
    }

    /// With another priority.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// A mailbox that holds so many messages at the most. What is sent to a full one comes back to the sender, as
    /// [`SendError::Full`](crate::SendError::Full). Notices (of ends, and answers to calls) always fit in.
    pub fn mailbox_limit(mut self, messages: u32) -> Self {
        self.mailbox_limit = messages;
        self
    }

    /// Linked to the current process from its beginning.
    pub fn link(mut self) -> Self {
        self.is_linked = true;
        self
    }

    /// Starts a process that runs `future` to its end.
    ///
    /// # Errors
    /// See [`SpawnError`]; the future was dropped.
    pub fn start<F: Future<Output: Outcome> + Send + 'static>(self, future: F) -> Result<Pid, SpawnError> {
        self.start_as::<F, NoMessages, F>(future, 0).map(|spawned| Pid::from_raw(spawned.pid))
    }

    /// Starts a process with a mailbox; returns its address. `process` is called in the new process.
    ///
    /// # Errors
    /// See [`SpawnError`]; `process` was dropped.
    pub fn start_with<M, P, F>(self, process: P) -> Result<Address<M>, SpawnError>
    where
        M: Message,
        P: FnOnce(Mailbox<M>) -> F + Send + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let spawned = self.start_as::<P, Messages<M>, _>(in_mailbox(process), 0)?;
        Ok(Address::of(Pid::from_raw(spawned.pid)))
    }

    /// Starts a process that the current one, whose mailbox this is, monitors from its beginning.
    ///
    /// # Errors
    /// See [`SpawnError`]; the future was dropped.
    ///
    /// # Panics
    /// In another process than the mailbox's own.
    pub fn start_monitored<W, F>(self, watcher: &mut Mailbox<W>, future: F) -> Result<(Pid, MonitorRef), SpawnError>
    where
        W: Message + From<Down>,
        F: Future<Output: Outcome> + Send + 'static,
    {
        watcher.expect_downs();
        let spawned = self.start_as::<F, NoMessages, F>(future, SPAWN_MONITOR)?;
        Ok((Pid::from_raw(spawned.pid), MonitorRef::from_raw(spawned.reference)))
    }

    /// A process that people know by the name of the type `N`.
    pub(crate) fn start_as<N, T, F>(self, future: F, flags: u32) -> Result<Spawned, SpawnError>
    where
        N: 'static,
        T: Takes,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let link = if self.is_linked { SPAWN_LINK } else { 0 };
        let options = SpawnOptions {
            size: size_of::<SpawnOptions>(),
            flags: flags | link,
            priority: self.priority.to_abi(),
            mailbox_limit: self.mailbox_limit,
        };
        ffi::spawn(ffi::into_process::<N, T, F>(future), &options).map_err(|refused| match refused {
            STATUS_DENIED => SpawnError::NotStarted,
            _ => SpawnError::Limit,
        })
    }
}

//! Names and groups: how processes are found by others that have not got their addresses, of whatever version.
//!
//! ```no_run
//! # use plugin_abi::{Address, Group, Mailbox, register, whereis};
//! # fn example(own: Address<String>) -> Result<(), plugin_abi::RegisterError> {
//! register("clock", own)?;
//! if let Some(clock) = whereis::<String>("clock") {
//!     let _ = clock.send("what time is it?".to_owned());
//! }
//!
//! let lobby = Group::<String>::new("chat:lobby");
//! lobby.join(own);
//! let heard = lobby.publish("hello".to_owned());
//! # Ok(())
//! # }
//! ```

use crate::abi::{STATUS_EXISTS, STATUS_OK};
use crate::ffi;
use crate::mailbox::Address;
use crate::message::Message;
use crate::process::Pid;
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// Why a name was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegisterError {
    /// A process has it already; it may be this one.
    Taken,
    /// The process is dead.
    Dead,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Taken => "another process has the name",
            Self::Dead => "the process is dead",
        })
    }
}

impl std::error::Error for RegisterError {}

/// Gives a process a name, in the whole node and for all versions: until it ends, or [`unregister`] takes the name back. A process may have
/// several. When those who monitor a process hear of its end, its names are free already.
///
/// # Errors
/// See [`RegisterError`].
pub fn register(name: &str, process: impl Into<Pid>) -> Result<(), RegisterError> {
    match ffi::register(name, process.into().get()) {
        STATUS_OK => Ok(()),
        STATUS_EXISTS => Err(RegisterError::Taken),
        _ => Err(RegisterError::Dead),
    }
}

/// Takes a name back, from whatever process has it. False: none has.
#[expect(clippy::must_use_candidate, reason = "who takes a name back need not care whether there was one")]
pub fn unregister(name: &str) -> bool {
    ffi::unregister(name)
}

/// The process that has a name. Whether it takes messages of type `M` is seen when one is sent: it is refused as
/// [`SendError::WrongType`](crate::SendError::WrongType) if not.
#[must_use]
pub fn whereis<M>(name: &str) -> Option<Address<M>> {
    NonZeroU64::new(ffi::whereis(name)).map(|pid| Address::of(Pid::from_raw(pid.get())))
}

/// Processes, of whatever version, that all want to hear the same. There is one of each name in a node; this is a way to it, and need not be
/// kept. A process may be in several.
pub struct Group<M> {
    name: String,
    message: PhantomData<fn(M)>,
}

impl<M> Group<M> {
    /// The group of that name; without members until one joins.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), message: PhantomData }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Makes a process a member, until it leaves or ends. To join twice is to join once. False: it is dead.
    pub fn join(&self, member: Address<M>) -> bool {
        matches!(ffi::group_join(&self.name, member.pid().get()), STATUS_OK | STATUS_EXISTS)
    }

    /// Takes a member out. False: it was none.
    pub fn leave(&self, member: Address<M>) -> bool {
        ffi::group_leave(&self.name, member.pid().get())
    }

    /// Its members, in no particular order.
    #[must_use]
    pub fn members(&self) -> Vec<Address<M>> {
        ffi::group_members(&self.name).into_iter().map(|pid| Address::of(Pid::from_raw(pid))).collect()
    }
}

impl<M: Message + Clone> Group<M> {
    /// Sends a message to each member; returns how many got it. To each of them, what one process publishes and sends comes in the order in
    /// which it did so. A member that has just died, whose mailbox is full, or whose version does not understand the message misses it.
    pub fn publish(&self, message: M) -> usize {
        let members = self.members();
        let Some((last, others)) = members.split_last() else { return 0 };
        let heard = others.iter().filter(|member| member.send(message.clone()).is_ok()).count();
        heard + usize::from(last.send(message).is_ok())
    }
}

impl<M> Clone for Group<M> {
    fn clone(&self) -> Self {
        Self::new(self.name.clone())
    }
}

impl<M> fmt::Debug for Group<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Group({:?})", self.name)
    }
}

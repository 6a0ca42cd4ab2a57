//! Ends of processes: why, and who hears of them.

use crate::process::Pid;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// Why a process ended, as in OTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExitReason {
    /// It finished.
    Normal,
    /// It panicked: the message and the place.
    Panic(String),
    /// It was killed.
    Killed,
    /// It was dead already.
    NoProcess,
    /// It was told to stop: by its supervisor, or since the node stops.
    Shutdown,
    /// A reason of the application's own.
    Error(String),
}

impl ExitReason {
    /// Whether the process came to its end as it should: [`Normal`](Self::Normal) or [`Shutdown`](Self::Shutdown).
    #[must_use]
    pub fn is_orderly(&self) -> bool {
        matches!(self, Self::Normal | Self::Shutdown)
    }
}

impl Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal => f.write_str("normal"),
            Self::Panic(text) => write!(f, "panic: {text}"),
            Self::Killed => f.write_str("killed"),
            Self::NoProcess => f.write_str("no such process"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Error(text) => write!(f, "error: {text}"),
        }
    }
}

/// What a process's future may come to: `()`, nothing (it never ends), an [`ExitReason`], or a `Result` whose error becomes the reason.
pub trait Outcome {
    /// Why the process ends.
    fn into_reason(self) -> ExitReason;
}

impl Outcome for () {
    fn into_reason(self) -> ExitReason {
        ExitReason::Normal
    }
}

impl Outcome for ExitReason {
    fn into_reason(self) -> ExitReason {
        self
    }
}

impl<T: Outcome, E: Display> Outcome for Result<T, E> {
    fn into_reason(self) -> ExitReason {
        self.map_or_else(|error| ExitReason::Error(error.to_string()), T::into_reason)
    }
}

/// `!`, which cannot be written as a type yet but as what a function returns: the output of an endless loop.
type Never = <fn() -> ! as Returns>::Output;

trait Returns {
    type Output;
}

impl<T> Returns for fn() -> T {
    type Output = T;
}

#[expect(private_interfaces, reason = "the trait is the way to the type, and nothing that anybody names")]
impl Outcome for Never {
    fn into_reason(self) -> ExitReason {
        self
    }
}

/// Names a monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MonitorRef(u64);

impl MonitorRef {
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(crate) fn get(self) -> u64 {
        self.0
    }
}

/// A monitored process has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Down {
    /// What [`Mailbox::monitor`](crate::Mailbox::monitor) returned.
    pub reference: MonitorRef,
    /// Who ended.
    pub pid: Pid,
    /// Why.
    pub reason: ExitReason,
}

/// An exit signal: a linked process has ended, or another has called [`exit`](crate::exit()). For processes that trap them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Who ended, or who sent the signal; `None`: the node.
    pub pid: Option<Pid>,
    /// Why.
    pub reason: ExitReason,
}

//! Processes: pids, spawn, kill.

use crate::exit::{ExitReason, Outcome};
use crate::ffi;
use crate::spawn::Spawn;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::str::FromStr;
use std::task::{Context, Poll};

/// A process's identity: never given twice in a node's life. Text: `<12.3>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroU64);

impl Pid {
    /// What the host gave; it never gives 0.
    pub(crate) fn from_raw(raw: u64) -> Self {
        Self(NonZeroU64::new(raw).expect("the host gives no pid 0"))
    }

    pub(crate) fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raw = self.get();
        write!(f, "<{}.{}>", raw & 0xFFFF_FFFF, raw >> 32)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Not of the form `<12.3>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsePidError(String);

impl fmt::Display for ParsePidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a pid, which looks like <12.3>", self.0)
    }
}

impl std::error::Error for ParsePidError {}

impl FromStr for Pid {
    type Err = ParsePidError;

    fn from_str(text: &str) -> Result<Self, ParsePidError> {
        let parse = || {
            let (slot, generation) = text.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
            let (slot, generation): (u32, u32) = (slot.parse().ok()?, generation.parse().ok()?);
            NonZeroU64::new(u64::from(generation) << 32 | u64::from(slot)).filter(|_| generation > 0)
        };
        // One pid, one text: `u32` would also read a sign and leading zeros.
        parse().map(Self).filter(|pid| pid.to_string() == text).ok_or_else(|| ParsePidError(text.to_owned()))
    }
}

impl Serialize for Pid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Why there is no new process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpawnError {
    /// The node has as many processes as it may have.
    Limit,
    /// The application is being made: nothing of it may be seen yet. [`Application::start`](crate::Application::start) is the place.
    NotStarted,
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Limit => "the node has reached its process limit",
            Self::NotStarted => "the application has not started: its first process is made by Application::start",
        })
    }
}

impl std::error::Error for SpawnError {}

/// Starts a process that runs `future` to its end. If it panics, it ends alone, and the log has the message and the place.
/// [`Spawn`] has more ways to start one.
///
/// # Errors
/// See [`SpawnError`]; the future was dropped.
pub fn spawn<F: Future<Output: Outcome> + Send + 'static>(future: F) -> Result<Pid, SpawnError> {
    Spawn::new().start(future)
}

/// The same, known to people by the name of the type `N`.
#[cfg(any(feature = "tokio", feature = "websocket"))]
pub(crate) fn spawn_as<N: 'static, F: Future<Output: Outcome> + Send + 'static>(future: F) -> Result<Pid, SpawnError> {
    Spawn::new().start_as::<N, ffi::NoMessages, F>(future, 0).map(|spawned| Pid::from_raw(spawned.pid))
}

/// The process that runs this code; `None` outside of one.
#[must_use]
pub fn self_pid() -> Option<Pid> {
    NonZeroU64::new(ffi::self_pid()).map(Pid)
}

/// Kills a process; it cannot prevent that. Between two polls its future is dropped, so that its destructors run. In the middle of a poll
/// it goes on until the poll returns or comes to a [`checkpoint`](crate::checkpoint()); if that poll takes more than 5 ms, its thread is
/// frozen where it is, and what it holds is leaked: memory, descriptors, locks of the application's own.
///
/// False: it was dead, or about to die, already; or it does not give way, and the node has frozen so many threads (`cargo system status` shows them, and
/// the log says so) that it is not stopped until it does.
pub fn kill(pid: Pid) -> bool {
    ffi::kill(pid.get())
}

/// Sends an exit signal in the current process's name, as OTP's `exit/2`: it ends `pid` for that reason, unless `pid` traps exits (then
/// it gets an [`Exit`](crate::Exit)), or the reason is [`Normal`](ExitReason::Normal) and `pid` is another process. False: it was dead
/// already.
#[expect(clippy::needless_pass_by_value, reason = "a reason is given away as a rule")]
pub fn exit(pid: Pid, reason: ExitReason) -> bool {
    ffi::exit(pid.get(), &reason)
}

/// Links the current process and `pid`: when one ends, the other gets an exit signal for the same reason. If `pid` is dead, this process
/// gets one of [`NoProcess`](ExitReason::NoProcess). Outside of a process, without effect.
pub fn link(pid: Pid) {
    ffi::link(pid.get());
}

/// Takes a link back. A message that is in the mailbox already stays there.
pub fn unlink(pid: Pid) {
    ffi::unlink(pid.get());
}

/// Gives way once: others that wait for the scheduler run first.
pub fn yield_now() -> impl Future<Output = ()> + Send {
    YieldNow(false)
}

struct YieldNow(bool);

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_reads_back_from_its_text() {
        let pid = Pid::from_raw(3 << 32 | 12);
        assert_eq!(pid.to_string(), "<12.3>");
        assert_eq!("<12.3>".parse(), Ok(pid));
    }

    #[test]
    fn what_is_no_pid_is_refused() {
        for text in
            ["", "<>", "12.3", "<12>", "<12.0>", "<-1.3>", "<4294967296.1>", "<1.2.3>", "<1.2> ", "<+1.2>", "<01.2>"]
        {
            assert!(text.parse::<Pid>().is_err(), "{text}");
        }
    }
}

//! Child specifications: how a child is started, when it is started again, how it is stopped.
//!
//! A start function is code: it stays with its version. What another version knows of a child is in `inherit.rs`.

use super::place::Place;
use super::{Supervisor, inherit::Stood};
use crate::abi::Spawned;
use crate::exit::{ExitReason, Outcome};
use crate::ffi::{Messages, NoMessages};
use crate::mailbox::{Mailbox, in_mailbox};
use crate::message::Message;
use crate::moving;
use crate::process::{Pid, SpawnError};
use crate::server::{self, Server};
use crate::spawn::Spawn;
use crate::start::StartError;
use crate::time::timeout;
use serde::{Deserialize, Serialize};
use std::any::TypeId;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a worker has to stop: OTP's 5 seconds.
const WORKER_SHUTDOWN: Duration = Duration::from_secs(5);

/// When a child that has ended is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// When it did not end in order: for another reason than `Normal` and `Shutdown`.
    Transient,
    /// Never: it is forgotten.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shutdown {
    /// It gets the exit signal `Shutdown`, and is killed if it has not ended after this time.
    Timeout(Duration),
    /// It is killed at once.
    Kill,
    /// It gets the exit signal `Shutdown` and has all the time it takes. For supervisors, whose children have times of their own.
    Infinity,
}

/// What a child is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildKind {
    /// A process that does work.
    Worker,
    /// A supervisor: a [`Tree`](super::Tree) shows its children.
    Supervisor,
}

pub(super) type Starting = Pin<Box<dyn Future<Output = Result<Pid, StartError>> + Send>>;
type Start = dyn Fn() -> Starting + Send + Sync;

/// How a child is started.
#[derive(Clone)]
enum Begin {
    Function(Arc<Start>),
    /// Its place is known, so it can move.
    Supervisor(Supervisor),
    /// It came from another version, and this one does not know.
    Unknown,
}

/// A child of a supervisor: a name, how to start it, and what to do when it ends.
///
/// By default it is [`Permanent`](Restart::Permanent) and has five seconds to stop; a supervisor all the time it takes.
#[derive(Clone)]
#[must_use = "a child is started by its supervisor"]
pub struct Child {
    pub(super) name: Arc<str>,
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) kind: ChildKind,
    /// The name of its state, if it is a server that moves.
    pub(super) state: Option<Arc<str>>,
    /// What a template has made it of.
    pub(super) argument: Option<Arc<[u8]>>,
    /// How long it may take to start; `None`: as long as it takes.
    start_time: Option<Duration>,
    begin: Begin,
}

impl Child {
    /// A process that runs a future. `process` is called in the new process, at each start.
    pub fn new<P, F>(name: impl Into<Arc<str>>, process: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let process = Arc::new(process);
        Self::start_with(name, move || {
            let process = Arc::clone(&process);
            spawned(Spawn::new().link().start_as::<P, NoMessages, _>(async move { process().await }, 0))
        })
    }

    /// A process with a mailbox. `process` is called in the new process, at each start.
    pub fn with_mailbox<M, P, F>(name: impl Into<Arc<str>>, process: P) -> Self
    where
        M: Message,
        P: Fn(Mailbox<M>) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let process = Arc::new(process);
        Self::start_with(name, move || {
            let process = Arc::clone(&process);
            let future = in_mailbox(move |mailbox| process(mailbox));
            spawned(Spawn::new().link().start_as::<P, Messages<M>, _>(future, 0))
        })
    }

    /// A [`Server`], whose `init` gets a clone of `argument` at each start. Its start has failed when `init` has.
    pub fn server<S: Server<Argument: Clone + Sync>>(name: impl Into<Arc<str>>, argument: S::Argument) -> Self {
        let child = Self::start_with(name, move || {
            let argument = argument.clone();
            async move { Ok(server::start_linked::<S>(argument).await?.pid()) }
        });
        Self { state: moving::of_type(TypeId::of::<S>()).map(|moving| moving.chain.name.into()), ..child }
    }

    /// Another supervisor, with all that is below it.
    pub fn supervisor(name: impl Into<Arc<str>>, supervisor: Supervisor) -> Self {
        Self::of(name.into(), ChildKind::Supervisor, Begin::Supervisor(supervisor)).shutdown(Shutdown::Infinity)
    }

    /// A child with a start function of its own, which is called in the supervisor's process at each start. It gives a process that is linked
    /// to the supervisor ([`Spawn::link`](crate::Spawn::link)). Until it is done, the supervisor does nothing else.
    pub fn start_with<P, F>(name: impl Into<Arc<str>>, start: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Pid, StartError>> + Send + 'static,
    {
        Self::of(name.into(), ChildKind::Worker, Begin::Function(Arc::new(move || Box::pin(start()))))
    }

    fn of(name: Arc<str>, kind: ChildKind, begin: Begin) -> Self {
        let (restart, shutdown) = (Restart::default(), Shutdown::Timeout(WORKER_SHUTDOWN));
        Self { name, restart, shutdown, kind, state: None, argument: None, start_time: None, begin }
    }

    /// Made of that argument, by a template.
    pub(super) fn of_argument(self, argument: &[u8]) -> Self {
        Self { argument: Some(argument.into()), ..self }
    }

    /// One that runs, and that this version does not know: it can be stopped by its rule, and not be started again.
    pub(super) fn unknown(stood: &Stood) -> Self {
        let state = stood.process.as_deref().map(Arc::from);
        let child = Self::of(stood.name.as_str().into(), stood.kind, Begin::Unknown);
        Self { restart: Restart::Temporary, shutdown: stood.shutdown, state, ..child }
    }

    /// When it is started again.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How it is stopped.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// How long it may take to start, as the time-out of OTP's `start_link`: it is killed then, and its start has failed with
    /// [`StartError::Late`]. Without it, its supervisor waits as long as it takes.
    pub fn start_within(mut self, time: Duration) -> Self {
        self.start_time = Some(time);
        self
    }

    /// Starts it, in its time. To be polled in the supervisor's process. `place`: where it stands, if that is known.
    pub(super) fn start(&self, place: Option<Place>) -> Starting {
        let starting = self.begin(place);
        let Some(time) = self.start_time else { return starting };
        Box::pin(async move {
            // Dropped, a start kills what it has begun.
            let late = StartError::Late(time.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
            timeout(time, starting).await.unwrap_or(Err(late))
        })
    }

    fn begin(&self, place: Option<Place>) -> Starting {
        match &self.begin {
            Begin::Function(start) => start(),
            Begin::Supervisor(supervisor) => {
                let supervisor = supervisor.clone();
                Box::pin(async move { Ok(supervisor.start_at(place).await?.pid()) })
            }
            Begin::Unknown => {
                let reason = ExitReason::Error("this version does not know how it is started".to_owned());
                Box::pin(ready(Err(StartError::Init(reason))))
            }
        }
    }

    /// The supervisor that it is, if this version knows that.
    pub(super) fn as_supervisor(&self) -> Option<&Supervisor> {
        match &self.begin {
            Begin::Supervisor(supervisor) => Some(supervisor),
            Begin::Function(_) | Begin::Unknown => None,
        }
    }
}

fn spawned(spawned: Result<Spawned, SpawnError>) -> Ready<Result<Pid, StartError>> {
    ready(spawned.map(|spawned| Pid::from_raw(spawned.pid)).map_err(StartError::Spawn))
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, restart, shutdown, kind, state: _, argument: _, start_time: _, begin: _ } = self;
        let mut child = f.debug_struct("Child");
        child.field("name", name).field("restart", restart).field("shutdown", shutdown).field("kind", kind).finish()
    }
}

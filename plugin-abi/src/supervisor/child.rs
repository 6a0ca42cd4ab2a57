//! Child specifications: how a child is started, when it is started again, how it is stopped.

use super::Supervisor;
use crate::abi::Spawned;
use crate::exit::Outcome;
use crate::ffi::{Messages, NoMessages};
use crate::mailbox::{Mailbox, in_mailbox};
use crate::message::Message;
use crate::process::{Pid, SpawnError};
use crate::server::{self, Server};
use crate::spawn::Spawn;
use crate::start::StartError;
use serde::{Deserialize, Serialize};
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
    start: Arc<Start>,
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
        Self::start_with(name, move || {
            let argument = argument.clone();
            async move { Ok(server::start_linked::<S>(argument).await?.pid()) }
        })
    }

    /// Another supervisor, with all that is below it.
    pub fn supervisor(name: impl Into<Arc<str>>, supervisor: Supervisor) -> Self {
        let child = Self::start_with(name, move || {
            let supervisor = supervisor.clone();
            async move { Ok(supervisor.start().await?.pid()) }
        });
        Self { kind: ChildKind::Supervisor, ..child }.shutdown(Shutdown::Infinity)
    }

    /// A child with a start function of its own, which is called in the supervisor's process at each start. It gives a process that is linked
    /// to the supervisor ([`Spawn::link`](crate::Spawn::link)). Until it is done, the supervisor does nothing else.
    pub fn start_with<P, F>(name: impl Into<Arc<str>>, start: P) -> Self
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<Pid, StartError>> + Send + 'static,
    {
        Self {
            name: name.into(),
            restart: Restart::default(),
            shutdown: Shutdown::Timeout(WORKER_SHUTDOWN),
            kind: ChildKind::Worker,
            start: Arc::new(move || Box::pin(start())),
        }
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

    /// Starts it. To be polled in the supervisor's process.
    pub(super) fn start(&self) -> Starting {
        (self.start)()
    }
}

fn spawned(spawned: Result<Spawned, SpawnError>) -> Ready<Result<Pid, StartError>> {
    ready(spawned.map(|spawned| Pid::from_raw(spawned.pid)).map_err(StartError::Spawn))
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, restart, shutdown, kind, start: _ } = self;
        let mut child = f.debug_struct("Child");
        child.field("name", name).field("restart", restart).field("shutdown", shutdown).field("kind", kind).finish()
    }
}

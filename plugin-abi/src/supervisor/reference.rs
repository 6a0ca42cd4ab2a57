//! What others ask of a supervisor: typed calls.
//!
//! A child's start function stays within its image, so [`SupervisorRef::start_child`] reaches supervisors of the same version alone;
//! everything else crosses versions, [`SupervisorRef::start_from`] too.

use super::child::{Child, ChildKind, Restart};
use super::plan::Key;
use crate::call::{CallError, ReplyTo};
use crate::exit::{Down, Exit};
use crate::mailbox::Address;
use crate::message::Message;
use crate::process::Pid;
use crate::start::StartError;
use crate::time::FOREVER;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fmt;
use std::time::Duration;

/// A supervisor that runs, or has run. Cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SupervisorRef(Address<Request>);

/// Names a child to its supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ChildId {
    /// By its name. A [dynamic](super::Supervisor::dynamic) supervisor knows none.
    Name(String),
    /// By its process.
    Pid(Pid),
}

impl From<&str> for ChildId {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<Pid> for ChildId {
    fn from(pid: Pid) -> Self {
        Self::Pid(pid)
    }
}

/// A child as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildInfo {
    /// Its name.
    pub name: String,
    /// Its process; `None`: it does not run.
    pub pid: Option<Pid>,
    /// Its start has failed and is tried again.
    pub is_restarting: bool,
    /// What it is.
    pub kind: ChildKind,
    /// When it is started again.
    pub restart: Restart,
}

impl ChildInfo {
    /// The supervisor that it is, if it is one and runs.
    #[must_use]
    pub fn supervisor(&self) -> Option<SupervisorRef> {
        self.pid.filter(|_| self.kind == ChildKind::Supervisor).map(SupervisorRef::of)
    }
}

/// How many children a supervisor has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildCount {
    /// Those it knows of, whether they run or not.
    pub specs: usize,
    /// Those that run.
    pub active: usize,
    /// Supervisors among those it knows of.
    pub supervisors: usize,
    /// Workers among those it knows of.
    pub workers: usize,
}

/// Why a supervisor does not do what it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChildError {
    /// It has no such child.
    NotFound,
    /// It has a child of that name, which runs.
    AlreadyStarted(Pid),
    /// It has a child of that name, which does not run.
    AlreadyPresent,
    /// The child runs.
    Running,
    /// The child is about to be started again.
    Restarting,
    /// The supervisor has no template.
    NoTemplate,
    /// The template makes no child of the argument: why.
    Argument(String),
    /// The child's start failed.
    Start(StartError),
    /// The supervisor does not answer.
    #[serde(skip)]
    Call(CallError),
}

impl fmt::Display for ChildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("the supervisor has no such child"),
            Self::AlreadyStarted(pid) => write!(f, "the supervisor has a child of that name: {pid}"),
            Self::AlreadyPresent => f.write_str("the supervisor has a child of that name, which does not run"),
            Self::Running => f.write_str("the child runs"),
            Self::Restarting => f.write_str("the child is about to be started again"),
            Self::NoTemplate => f.write_str("the supervisor has no template"),
            Self::Argument(reason) => f.write_str(reason),
            Self::Start(error) => error.fmt(f),
            Self::Call(error) => write!(f, "the supervisor does not answer: {error}"),
        }
    }
}

impl std::error::Error for ChildError {}

impl From<StartError> for ChildError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}

/// A supervisor's mailbox.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    #[serde(skip)]
    Start(Child, ReplyTo<Result<Pid, ChildError>>),
    StartFrom(ByteBuf, ReplyTo<Result<Pid, ChildError>>),
    Stop(ChildId, ReplyTo<Result<(), ChildError>>),
    Restart(ChildId, ReplyTo<Result<Pid, ChildError>>),
    Delete(ChildId, ReplyTo<Result<(), ChildError>>),
    Which(ReplyTo<Vec<ChildInfo>>),
    Count(ReplyTo<ChildCount>),
    Exit(Exit),
    Down(Down),
    /// To itself: a start that has failed is tried again.
    Retry(Key),
    /// Of the supervisor above, at an upgrade: see `settle.rs`. So much time there is.
    StartAdded(Duration, ReplyTo<Result<(), StartError>>),
    StopLeft(ReplyTo<()>),
    StartRenewed(ReplyTo<()>),
}

impl From<Exit> for Request {
    fn from(exit: Exit) -> Self {
        Self::Exit(exit)
    }
}

impl From<Down> for Request {
    fn from(down: Down) -> Self {
        Self::Down(down)
    }
}

impl SupervisorRef {
    pub(super) fn of(pid: Pid) -> Self {
        Self(Address::of(pid))
    }

    pub(super) fn address(&self) -> Address<Request> {
        self.0
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.0.pid()
    }

    /// Starts a child behind those that are there, and waits until it has started. A start that fails leaves nothing behind.
    ///
    /// # Errors
    /// See [`ChildError`]. A supervisor of another version refuses: [`CallError::Send`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn start_child(&self, child: Child) -> Result<Pid, ChildError> {
        self.ask(|reply| Request::Start(child, reply)).await
    }

    /// Starts the child that the supervisor's [template](super::Supervisor::template) makes of that argument, and waits until it has started. The
    /// argument crosses versions, as a message does.
    ///
    /// # Errors
    /// See [`ChildError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn start_from<A: Serialize + Sync + ?Sized>(&self, argument: &A) -> Result<Pid, ChildError> {
        let argument = rmp_serde::to_vec_named(argument).map_err(|error| ChildError::Argument(error.to_string()))?;
        self.ask(|reply| Request::StartFrom(ByteBuf::from(argument), reply)).await
    }

    /// Stops a child in order, and waits for its end. It is not started again, unless by [`restart_child`](Self::restart_child). A temporary
    /// one, and one of a dynamic supervisor, is forgotten.
    ///
    /// # Errors
    /// See [`ChildError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn stop_child(&self, child: impl Into<ChildId>) -> Result<(), ChildError> {
        self.ask(|reply| Request::Stop(child.into(), reply)).await
    }

    /// Starts a child that was stopped, or has ended and is not started again by itself.
    ///
    /// # Errors
    /// See [`ChildError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn restart_child(&self, child: impl Into<ChildId>) -> Result<Pid, ChildError> {
        self.ask(|reply| Request::Restart(child.into(), reply)).await
    }

    /// Forgets a child that does not run.
    ///
    /// # Errors
    /// See [`ChildError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn delete_child(&self, child: impl Into<ChildId>) -> Result<(), ChildError> {
        self.ask(|reply| Request::Delete(child.into(), reply)).await
    }

    /// All children, first to last.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn which_children(&self) -> Result<Vec<ChildInfo>, CallError> {
        self.0.call_within(FOREVER, Request::Which).await
    }

    /// Its child of that name, a supervisor that runs.
    ///
    /// # Errors
    /// See [`ChildError`]: there is none, or this supervisor does not answer.
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn supervisor(&self, name: &str) -> Result<Self, ChildError> {
        let children = self.which_children().await.map_err(ChildError::Call)?;
        let mut named = children.iter().filter(|child| child.name == name);
        named.find_map(ChildInfo::supervisor).ok_or(ChildError::NotFound)
    }

    /// How many children there are.
    ///
    /// # Errors
    /// See [`CallError`].
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn count_children(&self) -> Result<ChildCount, CallError> {
        self.0.call_within(FOREVER, Request::Count).await
    }

    /// Calls to supervisors wait as long as it takes, as in OTP: starting and stopping children does.
    async fn ask<T>(&self, request: impl FnOnce(ReplyTo<Result<T, ChildError>>) -> Request) -> Result<T, ChildError>
    where
        Result<T, ChildError>: Message,
    {
        self.0.call_within(FOREVER, request).await.map_err(ChildError::Call)?
    }
}

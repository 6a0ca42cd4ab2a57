//! A supervisor's process: it does what `plan.rs` says.
//!
//! While it waits for a child's end it takes messages out of its mailbox: what is for others waits in `deferred`, in order. The end of
//! a process that is no running child (any more) is ignored; so an end that was deferred until its child had been stopped anyway, does no
//! harm.
//!
//! Between two requests, when none is deferred, it is at a boundary: there it gives its state, if it has a place, and does what an upgrade
//! asks of a tree that has moved.

use super::Strategy;
use super::Supervisor;
use super::child::{Child, ChildKind};
use super::moving::{Standing, names};
use super::place::Place;
use super::plan::{Entry, Key, Plan, Round, State, Verdict};
use super::reference::{ChildCount, ChildError, ChildId, ChildInfo, Request};
use super::settle::START_TIME;
use super::template::Template;
use super::window::Window;
use crate::exit::ExitReason;
use crate::mailbox::Mailbox;
use crate::moving::{self, Asked};
use crate::process::{Pid, yield_now};
use crate::start::{Ready, StartError, caught, fail};
use crate::state::StateError;
use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

/// So many messages in a row, and others have their turn.
const BATCH: u32 = 64;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) plan: Plan,
    pub(super) mailbox: Mailbox<Request>,
    /// Whose exit signal stops it. `None`: that of the node.
    pub(super) parent: Option<Pid>,
    /// The names of its version's list.
    pub(super) listed: Vec<String>,
    pub(super) template: Option<Template>,
    /// `None`: it stays on its version.
    pub(super) place: Option<Place>,
    pub(super) deferred: VecDeque<Request>,
}

/// What comes next to a supervisor.
enum Next {
    /// It is over.
    Over,
    /// The node asks for something, and it is at a boundary.
    Asked,
    Request(Request),
}

/// The process of a supervisor that another process starts.
pub(super) async fn run(
    supervisor: Supervisor,
    place: Option<Place>,
    mailbox: Mailbox<Request>,
    ready: Ready,
) -> ExitReason {
    let mut running = Running::new(&supervisor, mailbox, Some(ready.pid()), place);
    match running.start_all(supervisor.children).await {
        Ok(()) => ready.send(Ok(())),
        Err(error) => {
            fail(ready, error);
            return ExitReason::Shutdown;
        }
    }
    running.go_on().await
}

/// The process of an application's root supervisor. It is stopped when `until` is over.
pub(super) async fn run_root(
    supervisor: Supervisor,
    mailbox: Mailbox<Request>,
    until: impl Future<Output = ()>,
) -> Result<ExitReason, StartError> {
    let mut running = Running::new(&supervisor, mailbox, None, Some(Place::root()));
    running.start_all(supervisor.children).await?;
    Ok(running.serve(until).await)
}

impl Running {
    fn new(supervisor: &Supervisor, mut mailbox: Mailbox<Request>, parent: Option<Pid>, place: Option<Place>) -> Self {
        mailbox.trap_exits();
        let window = Window::new(supervisor.restarts_max, supervisor.within);
        let (plan, listed) = (Plan::new(supervisor.strategy, window), names(&supervisor.children));
        let (template, deferred) = (supervisor.template.clone(), VecDeque::new());
        Self { plan, mailbox, parent, listed, template, place, deferred }
    }

    pub(super) fn address(&self) -> Pid {
        self.mailbox.address().pid()
    }

    /// Starts the children in order; or none.
    async fn start_all(&mut self, children: Vec<Child>) -> Result<(), StartError> {
        for child in children {
            let name = child.name.to_string();
            let started = match self.plan.list(child) {
                Ok(key) => self.start(key).await,
                Err(_) => Err(StartError::NameTwice(name.clone())),
            };
            if let Err(error) = started {
                self.stop_all().await;
                return Err(StartError::Child { name, error: Box::new(error) });
            }
        }
        Ok(())
    }

    /// Starts a child that the plan knows.
    pub(super) async fn start(&mut self, key: Key) -> Result<Pid, StartError> {
        let Some(entry) = self.plan.entry(key) else { return Err(StartError::Ended) };
        let child = entry.child.clone();
        let name = child.name.clone();
        let has_place = child.argument.is_some() || entry.is_listed && self.plan.strategy() != Strategy::Dynamic;
        let place = self.place.as_ref().filter(|_| has_place).map(|place| place.below(&child));
        // Its start function is the user's.
        let started = caught(async move { child.start(place).await }).await;
        let started = started.unwrap_or_else(|panic| Err(StartError::Init(ExitReason::Panic(panic))));
        let supervisor = self.address();
        match &started {
            Ok(pid) => {
                tracing::debug!(%supervisor, child = %name, %pid, "started");
                self.plan.started(key, *pid);
            }
            Err(error) => tracing::error!(%supervisor, child = %name, reason = %error, "a child did not start"),
        }
        started
    }

    /// Serves as one that has another above it.
    pub(super) async fn go_on(mut self) -> ExitReason {
        self.serve(pending()).await
    }

    /// Works until its parent, its children or `until` end it; then stops its children.
    pub(super) async fn serve(&mut self, until: impl Future<Output = ()>) -> ExitReason {
        let mut until = pin!(until);
        let mut in_a_row = 0;
        let reason = loop {
            in_a_row += 1;
            if in_a_row % BATCH == 0 {
                yield_now().await;
            }
            let is_boundary = self.place.is_some() && self.deferred.is_empty();
            let next = {
                let mut next = pin!(self.next());
                poll_fn(|cx| match until.as_mut().poll(cx) {
                    Poll::Ready(()) => Poll::Ready(Next::Over),
                    Poll::Pending if is_boundary && moving::is_asked() => Poll::Ready(Next::Asked),
                    Poll::Pending => next.as_mut().poll(cx).map(Next::Request),
                })
                .await
            };
            match next {
                Next::Over => break ExitReason::Shutdown,
                Next::Asked => self.answer().await,
                Next::Request(request) => {
                    if let Err(reason) = self.handle(request).await {
                        break reason;
                    }
                }
            }
        };
        self.stop_all().await;
        reason
    }

    /// At a boundary: does what the node asks for.
    async fn answer(&mut self) {
        match moving::asked() {
            Asked::Nothing => {}
            Asked::State(wanted) => {
                let standing = self.place.as_ref().map(|place| Standing::of(self, place));
                let write = |version| match &standing {
                    Some(standing) => standing.write(version),
                    None => Err(StateError::new("it has no place in the application's tree")),
                };
                moving::give_as(wanted, write).await;
            }
            Asked::Start => {
                let started = self.start_added(Instant::now() + START_TIME).await;
                moving::done(started.map_err(|error| error.to_string()));
            }
            Asked::Settle => {
                self.stop_left().await;
                self.start_renewed().await;
                moving::done(Ok(()));
            }
        }
    }

    async fn next(&mut self) -> Request {
        match self.deferred.pop_front() {
            Some(request) => request,
            None => self.mailbox.receive().await,
        }
    }

    /// The error: it ends, for that reason.
    async fn handle(&mut self, request: Request) -> Result<(), ExitReason> {
        match request {
            Request::Start(child, reply) => reply.send(self.start_child(child).await),
            Request::StartFrom(argument, reply) => reply.send(self.start_from(&argument).await),
            Request::Stop(child, reply) => reply.send(self.stop_child(&child).await),
            Request::Restart(child, reply) => reply.send(self.restart_child(&child).await),
            Request::Delete(child, reply) => reply.send(self.delete_child(&child)),
            Request::Which(reply) => reply.send(self.plan.entries().map(|(_, entry)| info(entry)).collect()),
            Request::Count(reply) => reply.send(self.count()),
            Request::Exit(exit) => match exit.pid {
                Some(pid) if Some(pid) != self.parent => self.ended(pid, &exit.reason).await?,
                _ => return Err(exit.reason),
            },
            Request::Down(_) => {}
            Request::Retry(key) => {
                let verdict = self.plan.retry(key, Instant::now());
                if verdict == Verdict::GiveUp
                    && let Some(entry) = self.plan.entry(key)
                {
                    self.report_too_many(&entry.child.name, "its start failed again");
                }
                self.act(verdict).await?;
            }
            Request::StartAdded(time, reply) => reply.send(self.start_added(Instant::now() + time).await),
            Request::StopLeft(reply) => {
                self.stop_left().await;
                reply.send(());
            }
            Request::StartRenewed(reply) => {
                self.start_renewed().await;
                reply.send(());
            }
        }
        Ok(())
    }

    async fn ended(&mut self, pid: Pid, reason: &ExitReason) -> Result<(), ExitReason> {
        let Some(entry) = self.plan.by_pid(pid).and_then(|key| self.plan.entry(key)) else { return Ok(()) };
        let (supervisor, child) = (self.address(), &entry.child.name);
        if !reason.is_orderly() || entry.child.restart == super::Restart::Permanent {
            tracing::error!(%supervisor, %child, %pid, %reason, "a child ended");
        } else {
            tracing::debug!(%supervisor, %child, %pid, %reason, "a child ended");
        }
        let child = child.clone();
        let verdict = self.plan.ended(pid, reason.is_orderly(), Instant::now());
        if verdict == Verdict::GiveUp {
            self.report_too_many(&child, &reason.to_string());
        }
        self.act(verdict).await
    }

    fn report_too_many(&self, child: &str, reason: &str) {
        let (supervisor, window) = (self.address(), self.plan.window());
        // The one that is too many did not happen.
        let (restarts, within) = (window.len() - 1, window.within());
        tracing::error!(%supervisor, %child, %reason, restarts, ?within, "too many restarts: giving up");
    }

    async fn act(&mut self, verdict: Verdict) -> Result<(), ExitReason> {
        match verdict {
            Verdict::Unknown | Verdict::Over => {}
            Verdict::Restart(round) => self.restart(round).await,
            Verdict::GiveUp => return Err(ExitReason::Shutdown),
        }
        Ok(())
    }

    async fn restart(&mut self, round: Round) {
        for (key, pid) in round.stop {
            self.stop(key, pid).await;
        }
        for key in round.start {
            if self.start(key).await.is_err() {
                return self.try_again(key);
            }
        }
    }

    /// A start has failed: the child is tried again, behind what has come meanwhile, so that it is served between two tries.
    pub(super) fn try_again(&mut self, key: Key) {
        self.plan.start_failed(key);
        // Its own mailbox is open and not limited.
        drop(self.mailbox.address().send(Request::Retry(key)));
    }

    async fn start_from(&mut self, argument: &[u8]) -> Result<Pid, ChildError> {
        let template = self.template.as_ref().ok_or(ChildError::NoTemplate)?;
        let child = template.child(argument).map_err(ChildError::Argument)?;
        self.start_child(child).await
    }

    async fn start_child(&mut self, child: Child) -> Result<Pid, ChildError> {
        let key = self.plan.add(child)?;
        let started = self.start(key).await;
        if started.is_err() {
            self.plan.forget(key);
        }
        Ok(started?)
    }

    fn find(&self, child: &ChildId) -> Result<(Key, State), ChildError> {
        let key = match child {
            ChildId::Name(name) => self.plan.by_name(name),
            ChildId::Pid(pid) => self.plan.by_pid(*pid),
        };
        let found = key.and_then(|key| Some((key, self.plan.entry(key)?.state)));
        found.ok_or(ChildError::NotFound)
    }

    async fn stop_child(&mut self, child: &ChildId) -> Result<(), ChildError> {
        match self.find(child)? {
            (key, State::Running(pid)) => self.stop(key, pid).await,
            (key, _) => self.plan.stopped(key),
        }
        Ok(())
    }

    /// The key of a child that does not run.
    fn idle(&self, child: &ChildId) -> Result<Key, ChildError> {
        match self.find(child)? {
            (_, State::Running(_)) => Err(ChildError::Running),
            (_, State::Restarting) => Err(ChildError::Restarting),
            (key, State::Stopped | State::Waiting) => Ok(key),
        }
    }

    async fn restart_child(&mut self, child: &ChildId) -> Result<Pid, ChildError> {
        let key = self.idle(child)?;
        Ok(self.start(key).await?)
    }

    fn delete_child(&mut self, child: &ChildId) -> Result<(), ChildError> {
        let key = self.idle(child)?;
        self.plan.forget(key);
        Ok(())
    }

    fn count(&self) -> ChildCount {
        let mut count = ChildCount::default();
        for (_, entry) in self.plan.entries() {
            count.specs += 1;
            count.active += usize::from(matches!(entry.state, State::Running(_)));
            match entry.child.kind {
                ChildKind::Supervisor => count.supervisors += 1,
                ChildKind::Worker => count.workers += 1,
            }
        }
        count
    }
}

fn info(entry: &Entry) -> ChildInfo {
    ChildInfo {
        name: entry.child.name.to_string(),
        pid: match entry.state {
            State::Running(pid) => Some(pid),
            _ => None,
        },
        is_restarting: entry.state == State::Restarting,
        kind: entry.child.kind,
        restart: entry.child.restart,
    }
}

//! A server's process.

use super::moving::give;
use super::reference::{Event, ServerRef};
use super::{Context, Flow, Info, Server};
use crate::call::ReplyTo;
use crate::exit::ExitReason;
use crate::ffi::Messages;
use crate::mailbox::{Mailbox, in_mailbox};
use crate::moving;
use crate::process::Pid;
use crate::spawn::Spawn;
use crate::start::{Ready, StartError, caught, fail, start as start_process};
use crate::time::{after, sleep_until};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Instant;

/// Starts a server and waits for its `init`, as long as that takes: whoever wants less drops the future, by
/// [`timeout`](crate::time::timeout) say, and the server is killed; [`Child::start_within`](crate::supervisor::Child::start_within) does so for
/// a supervisor's.
///
/// # Errors
/// See [`StartError`].
///
/// # Panics
/// Outside of a process.
pub async fn start<S: Server>(argument: S::Argument) -> Result<ServerRef<S>, StartError> {
    start_by(Spawn::new(), argument, false).await
}

/// The same, linked to the current process, its starter: when one ends, the other gets an exit signal. A server that does not start sends none.
///
/// # Errors
/// See [`StartError`].
///
/// # Panics
/// Outside of a process.
pub async fn start_linked<S: Server>(argument: S::Argument) -> Result<ServerRef<S>, StartError> {
    start_by(Spawn::new().link(), argument, true).await
}

async fn start_by<S: Server>(spawn: Spawn, argument: S::Argument, is_linked: bool) -> Result<ServerRef<S>, StartError> {
    let started = start_process(|ready| {
        let parent = is_linked.then(|| ready.pid());
        let process = in_mailbox(move |mailbox| run::<S>(argument, mailbox, parent, ready));
        let spawned = spawn.start_as::<S, Messages<Event<S::Call, S::Cast>>, _>(process, 0)?;
        Ok(Pid::from_raw(spawned.pid))
    });
    started.await.map(ServerRef::of)
}

/// Why it ends, and who waits for that.
struct End {
    reason: ExitReason,
    told: Option<ReplyTo<()>>,
}

/// A server that serves.
pub(super) struct Serving<S: Server> {
    pub(super) server: S,
    pub(super) context: Context<S>,
    /// Its starter, if it is linked to it.
    pub(super) parent: Option<Pid>,
}

/// What a server waits for.
enum Next<S: Server> {
    /// It is told.
    Event(Event<S::Call, S::Cast>),
    /// The time of [`Flow::Timeout`] is up.
    Timeout,
    /// The node asks for its state.
    Asked,
}

async fn run<S: Server>(
    argument: S::Argument,
    mailbox: Mailbox<Event<S::Call, S::Cast>>,
    parent: Option<Pid>,
    ready: Ready,
) -> ExitReason {
    let mut context = Context { mailbox };
    let reason = match caught(S::init(argument, &mut context)).await {
        Ok(Ok(mut server)) => {
            ready.send(Ok(()));
            let flow = server.handle_continue(&mut context).await;
            return serve(Serving { server, context, parent }, flow).await;
        }
        Ok(Err(reason)) => reason,
        Err(panic) => ExitReason::Panic(panic),
    };
    fail(ready, StartError::Init(reason.clone()));
    reason
}

/// From a boundary on, to its end.
pub(super) async fn serve<S: Server>(mut serving: Serving<S>, mut flow: Flow) -> ExitReason {
    let end = loop {
        let deadline = match flow {
            Flow::Stop(reason) => break End { reason, told: None },
            Flow::Continue => None,
            Flow::Timeout(time) => Some(after(time)),
        };
        flow = match serving.next(deadline).await {
            Next::Event(event) => match serving.handle(event).await {
                Ok(flow) => flow,
                Err(end) => break end,
            },
            Next::Timeout => serving.server.handle_info(Info::Timeout, &mut serving.context).await,
            Next::Asked => {
                moving::give(give(&serving, deadline)).await;
                Flow::until(deadline)
            }
        };
    };
    serving.server.terminate(&end.reason).await;
    drop(serving);
    if let Some(told) = end.told {
        told.send(());
    }
    end.reason
}

impl<S: Server> Serving<S> {
    /// Waits at a boundary.
    async fn next(&mut self, deadline: Option<Instant>) -> Next<S> {
        let mut receive = pin!(self.context.mailbox.receive());
        let mut time_is_up = deadline.map(sleep_until);
        poll_fn(|cx| {
            if moving::is_asked() {
                return Poll::Ready(Next::Asked);
            }
            if let Poll::Ready(event) = receive.as_mut().poll(cx) {
                return Poll::Ready(Next::Event(event));
            }
            match &mut time_is_up {
                Some(time) => Pin::new(time).poll(cx).map(|()| Next::Timeout),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// What it does next, or its end.
    async fn handle(&mut self, event: Event<S::Call, S::Cast>) -> Result<Flow, End> {
        let Self { server, context, parent } = self;
        Ok(match event {
            Event::Call(call) => server.handle_call(call, context).await,
            Event::Cast(cast) => server.handle_cast(cast, context).await,
            Event::Stop(reason, told) => return Err(End { reason, told: Some(told) }),
            Event::Exit(exit) if exit.pid.is_none() || exit.pid == *parent => {
                return Err(End { reason: exit.reason, told: None });
            }
            Event::Exit(exit) => server.handle_info(Info::Exit(exit), context).await,
            Event::Down(down) => server.handle_info(Info::Down(down), context).await,
        })
    }
}

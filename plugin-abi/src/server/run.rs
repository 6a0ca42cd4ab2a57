//! A server's process.

use super::reference::{Event, ServerRef};
use super::{Context, Flow, Info, Server};
use crate::call::ReplyTo;
use crate::exit::ExitReason;
use crate::ffi::Messages;
use crate::mailbox::{Mailbox, in_mailbox};
use crate::process::Pid;
use crate::spawn::Spawn;
use crate::start::{Ready, StartError, caught, fail, start as start_process};
use crate::time::timeout;

/// Starts a server and waits for its `init`.
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
    start_process(|ready| {
        let parent = is_linked.then(|| ready.pid());
        let process = in_mailbox(move |mailbox| run::<S>(argument, mailbox, parent, ready));
        let spawned = spawn.start_as::<S, Messages<Event<S::Call, S::Cast>>, _>(process, 0)?;
        Ok(ServerRef::of(Pid::from_raw(spawned.pid)))
    })
    .await
}

/// Why it ends, and who waits for that.
struct End {
    reason: ExitReason,
    told: Option<ReplyTo<()>>,
}

async fn run<S: Server>(
    argument: S::Argument,
    mailbox: Mailbox<Event<S::Call, S::Cast>>,
    parent: Option<Pid>,
    ready: Ready,
) -> ExitReason {
    let mut context = Context { mailbox };
    let reason = match caught(S::init(argument, &mut context)).await {
        Ok(Ok(server)) => {
            ready.send(Ok(()));
            return serve(server, context, parent).await;
        }
        Ok(Err(reason)) => reason,
        Err(panic) => ExitReason::Panic(panic),
    };
    fail(ready, StartError::Init(reason.clone()));
    reason
}

async fn serve<S: Server>(mut server: S, mut context: Context<S>, parent: Option<Pid>) -> ExitReason {
    let mut flow = server.handle_continue(&mut context).await;
    let end = loop {
        let event = match flow {
            Flow::Stop(reason) => break End { reason, told: None },
            Flow::Continue => Some(context.mailbox.receive().await),
            Flow::Timeout(time) => timeout(time, context.mailbox.receive()).await.ok(),
        };
        flow = match event {
            Some(Event::Call(call)) => server.handle_call(call, &mut context).await,
            Some(Event::Cast(cast)) => server.handle_cast(cast, &mut context).await,
            Some(Event::Stop(reason, told)) => break End { reason, told: Some(told) },
            Some(Event::Exit(exit)) if exit.pid.is_none() || exit.pid == parent => {
                break End { reason: exit.reason, told: None };
            }
            Some(Event::Exit(exit)) => server.handle_info(Info::Exit(exit), &mut context).await,
            Some(Event::Down(down)) => server.handle_info(Info::Down(down), &mut context).await,
            None => server.handle_info(Info::Timeout, &mut context).await,
        };
    };
    server.terminate(&end.reason).await;
    drop(server);
    if let Some(told) = end.told {
        told.send(());
    }
    end.reason
}

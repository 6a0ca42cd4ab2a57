//! Servers: processes that keep a state and serve calls, as OTP's `gen_server`.
//!
//! ```text
//! init ─┬─ Err, panic ─► the starter gets a StartError
//!       └─ Ok ─► ready ─► handle_continue ─► handle_call / handle_cast / handle_info, one after the other ─┐
//!                                                ▲                                │                         │
//!                                                └──────── Flow::Continue ────────┘      Flow::Stop, stop() or the parent's end
//!                                                                                                           ▼
//!                                                                                                       terminate
//! ```
//!
//! The state is the value itself. If it is declared ([`State`](crate::State)) and the server listed in `application!`, it moves between versions
//! (`moving.rs`); else a server stays on its version until it ends.

mod moving;
mod reference;
mod run;

#[doc(hidden)]
pub use moving::moving_type;
pub use reference::{Protocol, ServerRef};
pub use run::{start, start_linked};

use crate::exit::{Down, Exit, ExitReason, MonitorRef};
use crate::mailbox::Mailbox;
use crate::message::Message;
use crate::process::Pid;
use reference::Event;
use std::time::{Duration, Instant};

/// A server's callbacks. Only `init` and `handle_call` are required.
///
/// ```
/// use plugin_abi::{ExitReason, ReplyTo, server::{self, Context, Flow, Server}};
/// use serde::{Deserialize, Serialize};
///
/// struct Counter {
///     count: u64,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// enum Call {
///     Add(u64, ReplyTo<u64>),
///     Reset(ReplyTo<()>),
/// }
///
/// impl Server for Counter {
///     type Argument = u64;
///     type Call = Call;
///     type Cast = ();
///
///     async fn init(count: u64, _: &mut Context<Self>) -> Result<Self, ExitReason> {
///         Ok(Self { count })
///     }
///
///     async fn handle_call(&mut self, call: Call, _: &mut Context<Self>) -> Flow {
///         match call {
///             Call::Add(number, reply) => {
///                 self.count += number;
///                 reply.send(self.count);
///             }
///             Call::Reset(reply) => {
///                 self.count = 0;
///                 reply.send(());
///             }
///         }
///         Flow::Continue
///     }
/// }
///
/// async fn example() -> Result<(), Box<dyn std::error::Error>> {
///     let counter = server::start_linked::<Counter>(10).await?;
///     assert_eq!(counter.call(|reply| Call::Add(5, reply)).await?, 15);
///     counter.stop().await?;
///     Ok(())
/// }
/// ```
///
/// Each variant of `Call` has the [`ReplyTo`](crate::ReplyTo) of its own answer, so that each call has a type of its own. It may be kept and
/// answered later, by whomever; dropped, it tells the caller that there is no answer.
///
/// A panic in a callback ends the process for that reason, and `terminate` is not called: the state may be half changed. Its destructors run.
pub trait Server: Sized + Send + 'static {
    /// What it is started with.
    type Argument: Send + 'static;
    /// Requests, each with its [`ReplyTo`](crate::ReplyTo).
    type Call: Message;
    /// What needs no answer. `()` if there is none.
    type Cast: Message;

    /// Makes the state. Whoever starts it waits for this.
    ///
    /// # Errors
    /// The reason for which it does not start. The starter gets it as [`StartError::Init`](crate::StartError::Init).
    fn init(
        argument: Self::Argument,
        context: &mut Context<Self>,
    ) -> impl Future<Output = Result<Self, ExitReason>> + Send;

    /// Comes before any message, when the starter waits no more: for what would keep it waiting in `init`.
    fn handle_continue(&mut self, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send {
        let _ = context;
        async { Flow::Continue }
    }

    /// Serves a request.
    fn handle_call(&mut self, call: Self::Call, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send;

    /// Acts on a message that needs no answer. If nothing else is said, it is dropped.
    fn handle_cast(&mut self, cast: Self::Cast, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send {
        let _ = (cast, context);
        async { Flow::Continue }
    }

    /// Hears of ends and time-outs. If nothing else is said, the log says what came.
    fn handle_info(&mut self, info: Info, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send {
        let _ = context;
        async move {
            tracing::warn!(?info, server = std::any::type_name::<Self>(), "nobody handles this");
            Flow::Continue
        }
    }

    /// The last callback: after [`Flow::Stop`], [`ServerRef::stop`], and, if it [traps exits](Context::trap_exits), when its starter ends or tells
    /// it to stop, as supervisors do. Not after a kill or a panic.
    fn terminate(&mut self, reason: &ExitReason) -> impl Future<Output = ()> + Send {
        let _ = reason;
        async {}
    }
}

/// What a server does after a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It waits for the next message.
    Continue,
    /// The same; if none comes within this time, it gets [`Info::Timeout`].
    Timeout(Duration),
    /// It ends, for this reason, after `terminate`.
    Stop(ExitReason),
}

impl Flow {
    /// Goes on waiting as before: until then, if there was a time.
    pub(crate) fn until(deadline: Option<Instant>) -> Self {
        deadline.map_or(Self::Continue, |deadline| Self::Timeout(deadline.saturating_duration_since(Instant::now())))
    }
}

/// What a server hears beside calls and casts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Info {
    /// A process that it monitors has ended.
    Down(Down),
    /// An exit signal, if it traps exits: of a process that it is linked to, but not its starter.
    Exit(Exit),
    /// No message came in the time of [`Flow::Timeout`].
    Timeout,
}

/// A server's own process, for its callbacks.
#[derive(Debug)]
pub struct Context<S: Server> {
    mailbox: Mailbox<Event<S::Call, S::Cast>>,
}

impl<S: Server> Context<S> {
    /// Its own reference, to give to others.
    #[must_use]
    pub fn myself(&self) -> ServerRef<S> {
        ServerRef::of(self.mailbox.address().pid())
    }

    /// It gets an [`Info::Down`] when `pid` ends; at once when it is dead already.
    pub fn monitor(&mut self, pid: Pid) -> MonitorRef {
        self.mailbox.monitor(pid)
    }

    /// Takes a monitor of `pid` back. An [`Info::Down`] that waits already still comes.
    pub fn demonitor(&mut self, pid: Pid, reference: MonitorRef) {
        self.mailbox.demonitor(pid, reference);
    }

    /// From here on exit signals come as [`Info::Exit`], and `terminate` is called when the server's starter tells it to stop. Without it, such a
    /// signal ends the process as it is.
    pub fn trap_exits(&mut self) {
        self.mailbox.trap_exits();
    }
}

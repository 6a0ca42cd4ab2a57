//! What a session is: a state, and callbacks.

use super::Message;
use super::reference::{Event, SessionRef};
use super::wire::Wire;
use crate::exit::{ExitReason, MonitorRef};
use crate::mailbox::Mailbox;
use crate::net::TcpStream;
use crate::process::Pid;
use crate::server::{Flow, Info};
use crate::state::State;
use std::fmt;

/// More bytes than this are never kept for a peer that does not read.
const UNSENT_MAX: usize = 16 << 20;

/// A WebSocket's session: a process with a state. Begun by [`WebSocketUpgrade::session`](super::WebSocketUpgrade::session). Only `handle_in`
/// is required.
///
/// ```
/// use plugin_abi::server::Flow;
/// use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
/// use plugin_abi::State;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default, Serialize, Deserialize, State)]
/// struct Count {
///     messages: u64,
/// }
///
/// impl Session for Count {
///     type Message = ();
///
///     async fn handle_in(&mut self, _: Message, context: &mut Context<Self>) -> Flow {
///         self.messages += 1;
///         context.send(Message::Text(self.messages.to_string()));
///         Flow::Continue
///     }
/// }
///
/// async fn open(upgrade: WebSocketUpgrade) -> axum::response::Response {
///     upgrade.session(Count::default())
/// }
/// ```
///
/// Listed in [`application!`](crate::application!), a session moves to the next version: between two callbacks, in the middle of a frame too, with
/// its socket, what was read and is no whole message yet, and what is not sent yet. Its peer sees nothing of it. A callback that waits for long
/// holds up the move, and so the upgrade: what takes its time is a process of its own, which sends the session a message.
///
/// While the peer does not read, a session gets nothing, neither from the peer nor from its mailbox.
///
/// [`Flow::Stop`] closes: with 1000 for [`ExitReason::Normal`], else with 1011. When the node stops, it closes with 1001; when the peer does not keep
/// to the protocol, or sends a message of more than 1 MiB, with the code for that. A panic or a kill drops the socket, without `terminate`.
pub trait Session: State {
    /// What other processes send it by its [`SessionRef`]. `()` if nothing.
    type Message: crate::Message;

    /// The first callback.
    fn open(&mut self, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send {
        let _ = context;
        async { Flow::Continue }
    }

    /// The first callback on another version of the plugin, after an upgrade or back: for what the peer should see of it. The state is
    /// converted already.
    fn moved(&mut self, context: &mut Context<Self>) -> impl Future<Output = ()> + Send {
        let _ = context;
        async {}
    }

    /// A message of the peer's.
    fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send;

    /// A message of another process. If nothing else is said, it is dropped.
    fn handle_message(
        &mut self,
        message: Self::Message,
        context: &mut Context<Self>,
    ) -> impl Future<Output = Flow> + Send {
        let _ = (message, context);
        async { Flow::Continue }
    }

    /// Hears of ends and time-outs. If nothing else is said, the log says what came.
    fn handle_info(&mut self, info: Info, context: &mut Context<Self>) -> impl Future<Output = Flow> + Send {
        let _ = context;
        async move {
            tracing::warn!(?info, session = std::any::type_name::<Self>(), "nobody handles this");
            Flow::Continue
        }
    }

    /// The last callback, however it ends, but for a kill or a panic; nothing is sent any more. A peer that has closed, and a node that
    /// stops, are [`ExitReason::Normal`]; a peer that has broken off is an [`ExitReason::Error`] here, and no failure of the process.
    fn terminate(&mut self, reason: &ExitReason) -> impl Future<Output = ()> + Send {
        let _ = reason;
        async {}
    }
}

/// A session's own process and socket, for its callbacks.
pub struct Context<S: Session> {
    pub(super) mailbox: Mailbox<Event<S::Message>>,
    pub(super) wire: Wire<TcpStream>,
    /// It has sent more than is kept.
    pub(super) has_overrun: bool,
}

impl<S: Session> Context<S> {
    /// Sends a message to the peer: when the callback has ended. Never waits. A session that sends more than 16 MiB to a peer that
    /// does not read ends.
    pub fn send(&mut self, message: Message) {
        let len = match &message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
        };
        if self.has_overrun || self.wire.unsent_len().saturating_add(len) > UNSENT_MAX {
            self.has_overrun = true;
        } else if let Err(error) = self.wire.push(message) {
            tracing::error!(%error, "a message could not be written");
            self.has_overrun = true;
        }
    }

    /// Where others send it messages to.
    #[must_use]
    pub fn address(&self) -> SessionRef<S> {
        SessionRef::of(self.mailbox.address().pid())
    }

    /// The peer's `IP:PORT`; empty when the system did not know it any more.
    #[must_use]
    pub fn peer(&self) -> &str {
        self.wire.stream().peer()
    }

    /// It gets an [`Info::Down`] when `pid` ends; at once when it is dead already.
    pub fn monitor(&mut self, pid: Pid) -> MonitorRef {
        self.mailbox.monitor(pid)
    }

    /// Takes a monitor of `pid` back. An [`Info::Down`] that waits already still comes.
    pub fn demonitor(&mut self, pid: Pid, reference: MonitorRef) {
        self.mailbox.demonitor(pid, reference);
    }

    /// From here on exit signals come as [`Info::Exit`]. Without it, such a signal ends the process as it is.
    pub fn trap_exits(&mut self) {
        self.mailbox.trap_exits();
    }
}

impl<S: Session> fmt::Debug for Context<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({:?})", self.mailbox)
    }
}

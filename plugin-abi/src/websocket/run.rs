//! A session's process.
//!
//! ```text
//! open ─► boundary ─┬─ asked: its state and its wire are given ─► boundary here, or moved ─► boundary on the other image
//!            ▲      ├─ handle_in, handle_message, handle_info ─┬─ Flow::Continue, Flow::Timeout ─┐
//!            └──────┼──────────────────────────────────────────┼─────────────────────────────────┘
//!                   └─ the peer closes, an error, the node stops ─┴─ Flow::Stop ─► Close is said ─► terminate ─► lingers
//! ```
//!
//! A Close is said at the end only: at a boundary the connection is open.

use super::codec::Got;
use super::moving::give;
use super::reference::Event;
use super::session::{Context, Session};
use super::wire::{Parts, UNSENT_HIGH, Wire};
use super::{Error, LINGER};
use crate::drain::{ImageState, image_state};
use crate::exit::ExitReason;
use crate::ffi::Messages;
use crate::mailbox::Mailbox;
use crate::moving;
use crate::net::TcpStream;
use crate::process::self_pid;
use crate::server::{Flow, Info};
use crate::spawn::Spawn;
use crate::time::{Sleep, after, sleep_until, timeout};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{self, Poll, ready};
use std::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// After so many events without a pause, others run first.
const STREAK_MAX: u32 = 64;

/// A session that serves.
pub(super) struct Serving<S: Session> {
    pub(super) session: S,
    pub(super) context: Context<S>,
    streak: u32,
}

/// What a session waits for.
enum Next<S: Session> {
    /// The peer says something, or breaks off.
    Got(Result<Got, Error>),
    /// Another process does.
    Event(Event<S::Message>),
    /// The time of [`Flow::Timeout`] is up.
    Timeout,
    /// The node asks for its state.
    Asked,
    /// The node stops.
    Stopping,
}

/// Why it ends.
struct End {
    reason: ExitReason,
    /// What the peer is told. `None`: it knows.
    close: Option<(CloseCode, &'static str)>,
    /// Not the session's fault: its process ends as it should.
    is_orderly: bool,
}

/// Starts its process.
pub(super) fn begin<S: Session>(session: S, stream: TcpStream, unread: Vec<u8>) {
    let process = async move {
        let mailbox = Mailbox::of_current(self_pid().expect("a process has a pid"));
        let wire = Wire::new(Parts { stream, unread, unsent: Vec::new() });
        let mut serving = Serving::new(session, mailbox, wire);
        let flow = serving.session.open(&mut serving.context).await;
        serve(serving, flow).await
    };
    if let Err(error) = Spawn::new().start_as::<S, Messages<Event<S::Message>>, _>(process, 0) {
        tracing::warn!(%error, session = std::any::type_name::<S>(), "a connection has no session");
    }
}

/// From a boundary on, to its end.
pub(super) async fn serve<S: Session>(mut serving: Serving<S>, mut flow: Flow) -> ExitReason {
    let End { reason, close, is_orderly } = loop {
        if serving.context.has_overrun {
            let why = "the peer does not read, and too much was sent to it";
            break End::orderly(ExitReason::Error(why.to_owned()), Some((CloseCode::Error, "")));
        }
        let deadline = match flow {
            Flow::Stop(reason) => break End::told(reason),
            Flow::Continue => None,
            Flow::Timeout(time) => Some(after(time)),
        };
        flow = match serving.next(deadline).await {
            Next::Got(got) => match serving.handle_got(got).await {
                Ok(flow) => flow,
                Err(end) => break end,
            },
            Next::Event(event) => serving.handle_event(event).await,
            Next::Timeout => serving.session.handle_info(Info::Timeout, &mut serving.context).await,
            Next::Asked => {
                moving::give(give(&serving, deadline)).await;
                Flow::until(deadline)
            }
            Next::Stopping => {
                break End::orderly(ExitReason::Normal, Some((CloseCode::Away, "the node stops")));
            }
        };
    };
    if let Err(error) = close.map_or(Ok(()), |close| serving.context.wire.push_close(Some(close))) {
        tracing::debug!(%error, "a close could not be written");
    }
    serving.session.terminate(&reason).await;
    let wire = &mut serving.context.wire;
    // Broken, or too slow: there is nobody to tell.
    drop(timeout(LINGER, poll_fn(|cx| wire.poll_linger(cx))).await);
    if is_orderly { ExitReason::Normal } else { reason }
}

impl End {
    /// It stops itself.
    fn told(reason: ExitReason) -> Self {
        let code = if reason == ExitReason::Normal { CloseCode::Normal } else { CloseCode::Error };
        Self { reason, close: Some((code, "")), is_orderly: false }
    }

    /// The peer's doing, or the node's.
    fn orderly(reason: ExitReason, close: Option<(CloseCode, &'static str)>) -> Self {
        Self { reason, close, is_orderly: true }
    }
}

impl<S: Session> Serving<S> {
    pub(super) fn new(session: S, mailbox: Mailbox<Event<S::Message>>, wire: Wire<TcpStream>) -> Self {
        Self { session, context: Context { mailbox, wire, has_overrun: false }, streak: 0 }
    }

    /// Waits at a boundary.
    async fn next(&mut self, deadline: Option<Instant>) -> Next<S> {
        let Context { mailbox, wire, .. } = &mut self.context;
        let streak = &mut self.streak;
        let mut receive = pin!(mailbox.receive());
        let mut time_is_up = deadline.map(sleep_until);
        poll_fn(|cx| {
            if moving::is_asked() {
                return Poll::Ready(Next::Asked);
            }
            if image_state() == ImageState::Stopping {
                return Poll::Ready(Next::Stopping);
            }
            if *streak >= STREAK_MAX {
                *streak = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            *streak += 1;
            // By turns, so that neither holds up the other.
            let is_peers_turn = streak.is_multiple_of(2);
            if is_peers_turn && let Poll::Ready(got) = wire.poll_next(cx) {
                return Poll::Ready(Next::Got(got));
            }
            if wire.unsent_len() <= UNSENT_HIGH
                && let Poll::Ready(event) = receive.as_mut().poll(cx)
            {
                return Poll::Ready(Next::Event(event));
            }
            if !is_peers_turn && let Poll::Ready(got) = wire.poll_next(cx) {
                return Poll::Ready(Next::Got(got));
            }
            *streak = 0;
            poll_time(&mut time_is_up, cx).map(|()| Next::Timeout)
        })
        .await
    }

    async fn handle_got(&mut self, got: Result<Got, Error>) -> Result<Flow, End> {
        match got {
            Ok(Got::Message(message)) => Ok(self.session.handle_in(message, &mut self.context).await),
            Ok(Got::Nothing) => Ok(Flow::Continue),
            Ok(Got::Close(code)) => {
                tracing::debug!(?code, "the peer closes");
                Err(End::orderly(ExitReason::Normal, None))
            }
            Err(error) => {
                tracing::debug!(%error, "a session's connection ends");
                Err(End::orderly(ExitReason::Error(error.to_string()), None))
            }
        }
    }

    async fn handle_event(&mut self, event: Event<S::Message>) -> Flow {
        let Self { session, context, .. } = self;
        match event {
            Event::Message(message) => session.handle_message(message, context).await,
            Event::Down(down) => session.handle_info(Info::Down(down), context).await,
            Event::Exit(exit) => session.handle_info(Info::Exit(exit), context).await,
        }
    }
}

fn poll_time(time: &mut Option<Sleep>, cx: &mut task::Context<'_>) -> Poll<()> {
    let Some(time) = time else { return Poll::Pending };
    ready!(Pin::new(time).poll(cx));
    Poll::Ready(())
}

//! One connection's process. The states are pictured in `mod.rs`.

use super::HttpService;
use super::io::Lent;
use super::service::{Known, Watched};
use crate::drain::{ImageState, image_state};
use crate::ffi;
use crate::net::TcpStream;
use crate::time::{Sleep, sleep};
use hyper::body::Bytes;
use hyper::server::conn::http1::{Builder, UpgradeableConnection};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// A connection that brings no request for one to two of these is closed: idle, or too slow with a request's head.
const IDLE_PERIOD: Duration = Duration::from_secs(60);

/// Serves a connection to its end.
pub(super) async fn serve(mut stream: TcpStream, service: impl HttpService) {
    let mut is_last = false;
    while let Some((idle, unread)) = serve_until_idle(stream, service.clone(), is_last).await {
        match idle.hand_over(&unread) {
            Ok(()) => return,
            // Nobody takes it: it is served here, to the next answer.
            Err(back) => stream = back,
        }
        is_last = true;
    }
}

/// Serves until the end, or until the connection is to be handed over: then the stream and what was read of it and not used.
async fn serve_until_idle(stream: TcpStream, service: impl HttpService, is_last: bool) -> Option<(TcpStream, Bytes)> {
    let known = Arc::new(Known::default());
    if is_last {
        known.close_after_next();
    }
    let io = TokioIo::new(Lent { stream, known: Arc::clone(&known) });
    let watched = Watched::new(service, Arc::clone(&known));
    let http = Builder::new().serve_connection(io, watched).with_upgrades();
    let mut connection = Connection { http, known, leaving: is_last, seen: 0, watchdog: sleep(IDLE_PERIOD) };
    poll_fn(|cx| connection.poll(cx)).await;
    if !connection.known.is_handing_over() {
        return None;
    }
    let parts = connection.http.into_parts()?;
    Some((parts.io.into_inner().stream, parts.read_buf))
}

struct Connection<S: HttpService> {
    http: UpgradeableConnection<TokioIo<Lent>, Watched<S>>,
    known: Arc<Known>,
    /// It has been decided how this connection ends here.
    leaving: bool,
    /// Requests when the watchdog looked last.
    seen: u32,
    watchdog: Sleep,
}

impl<S: HttpService> Connection<S> {
    /// Ready: hyper is done with the socket.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.look_at_image();
            match Pin::new(&mut self.http).poll(cx) {
                Poll::Ready(Ok(())) => return Poll::Ready(()),
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "connection ended");
                    return Poll::Ready(());
                }
                Poll::Pending => {}
            }
            // A request may have been answered in this very poll, which nothing else will wake us for.
            if self.leaving || !self.is_to_leave() {
                return self.watch(cx);
            }
        }
    }

    fn is_to_leave(&self) -> bool {
        match image_state() {
            ImageState::Current => false,
            ImageState::Draining => !self.known.is_in_flight(),
            ImageState::Stopping => true,
        }
    }

    /// Decides, once, how the connection leaves an image that is not current.
    fn look_at_image(&mut self) {
        if image_state() == ImageState::Stopping {
            // Also for one that has been told to leave in another way before: this is idempotent.
            Pin::new(&mut self.http).graceful_shutdown();
            self.leaving = true;
        }
        if self.leaving || !self.is_to_leave() {
            return;
        }
        self.leaving = true;
        if self.known.is_reusable() {
            // All heads of answers have been written by now, so none will say `Connection: close` because of this.
            self.known.hand_over();
            Pin::new(&mut self.http).graceful_shutdown();
        } else {
            self.known.close_after_next();
        }
    }

    /// Nothing to do: sees to being woken for a change of the image, and looks for idleness.
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ffi::with_local(|local| local.watch(cx.waker()));
        while Pin::new(&mut self.watchdog).poll(cx).is_ready() {
            let requests = self.known.requests();
            if requests == self.seen && !self.known.is_in_flight() {
                return Poll::Ready(());
            }
            self.seen = requests;
            self.watchdog = sleep(IDLE_PERIOD);
        }
        Poll::Pending
    }
}

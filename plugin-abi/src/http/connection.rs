//! One connection's process. The states are pictured in `mod.rs`.

use super::HttpService;
use super::io::Lent;
use super::known::Known;
use super::patience::{Found, LOOK_PERIOD, Patience};
use super::service::Watched;
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
    let mut connection =
        Connection { http, known, leaving: is_last, patience: Patience::default(), next_look: sleep(LOOK_PERIOD) };
    match poll_fn(|cx| connection.poll(cx)).await {
        End::Gone => None,
        End::HandOver => {
            // `None` for a connection that was upgraded: then the socket is another's.
            let parts = connection.http.into_parts()?;
            Some((parts.io.into_inner().stream, parts.read_buf))
        }
    }
}

/// hyper is done with the socket.
enum End {
    /// It is closed, or belongs to who upgraded it.
    Gone,
    /// It is open, between two requests.
    HandOver,
}

struct Connection<S: HttpService> {
    http: UpgradeableConnection<TokioIo<Lent>, Watched<S>>,
    known: Arc<Known>,
    /// It has been decided how this connection ends here.
    leaving: bool,
    patience: Patience,
    next_look: Sleep,
}

impl<S: HttpService> Connection<S> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            self.look_at_image();
            match Pin::new(&mut self.http).poll(cx) {
                Poll::Ready(Ok(())) if self.known.is_handing_over() => return Poll::Ready(End::HandOver),
                Poll::Ready(Ok(())) => return Poll::Ready(End::Gone),
                Poll::Ready(Err(error)) => {
                    tracing::debug!(%error, "connection ended");
                    return Poll::Ready(End::Gone);
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
    fn watch(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        ffi::with_local(|local| local.watch(cx.waker()));
        while Pin::new(&mut self.next_look).poll(cx).is_ready() {
            let found = self.look();
            if self.patience.ends(found) {
                tracing::debug!(?found, "connection closed, it brings nothing");
                return Poll::Ready(End::Gone);
            }
            self.next_look = sleep(LOOK_PERIOD);
        }
        Poll::Pending
    }

    fn look(&self) -> Found {
        // Asked in any case: what was written before this look does not count at the next.
        let wrote = self.known.take_wrote();
        if wrote || self.known.is_in_flight() {
            Found::Busy
        } else if self.known.has_begun_head() {
            Found::Head
        } else {
            Found::Idle
        }
    }
}

//! HTTP/1.1 by hyper: one process a connection.
//!
//! How a connection lives through an upgrade, without being closed:
//!
//! ```text
//! serving ── draining, a request in flight ─► answers it, still the old version
//!    │  └─── draining, idle ─► handed over: same socket, served by the current version from here on
//!    │                            └ refused (no such listener there) ─► serving, and the next answer says `Connection: close`
//!    ├────── stopping ─► answers what is in flight with `Connection: close`, closes
//!    ├────── upgraded (WebSocket) ─► the socket belongs to the session
//!    └────── idle for too long, or too slow with a request's head (`patience.rs`) ─► closed
//! ```
//!
//! A request is in flight until the last of its response's body: a stream that is silent for an hour is not idle.
//!
//! Handed over is only what is certainly between two requests: the last request had no body that may be left unread, and both sides
//! want to keep the connection. Another draining connection gets `Connection: close` with the answer in flight, or else its next one.

mod connection;
mod io;
mod known;
mod patience;
mod service;

#[cfg(feature = "websocket")]
pub(crate) use io::upgraded_stream;

use crate::application::Accept;
use crate::net::TcpStream;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use std::error::Error;
use std::fmt;
use tower_service::Service;

/// A listener's handler that serves a tower service, such as axum's `Router`. Made by [`serve`].
pub struct Http<S>(S);

/// Serves HTTP/1.1. A handler that panics ends its connection's process, and no other.
pub fn serve<S>(service: S) -> Http<S> {
    Http(service)
}

impl<S> fmt::Debug for Http<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl<S: HttpService + Sync> Accept for Http<S> {
    async fn serve(&'static self, stream: TcpStream) {
        connection::serve(stream, self.0.clone()).await;
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

/// What hyper asks of a tower service, under one name. Implemented for every service that fits.
pub trait HttpService:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error: Into<BoxError>, Future: Send>
    + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error: Into<BoxError>, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
}

//! The opening handshake (RFC 6455, section 4.2).
//!
//! A browser lets every page open a WebSocket to anywhere, and says in `Origin` which page it is (section 10.2). One of another site is sent away,
//! unless the handler says [`any_origin`](WebSocketUpgrade::any_origin): it would act in the name of whoever looks at it.

use super::run;
use super::session::Session;
use super::socket::WebSocket;
use crate::http::upgraded_stream;
use crate::net::TcpStream;
use crate::process::spawn_as;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use std::fmt;
use std::marker::PhantomData;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// An axum extractor: a request that asks for a WebSocket, checked.
#[derive(Debug)]
pub struct WebSocketUpgrade {
    accept: String,
    upgrade: OnUpgrade,
    /// A page of another site asks.
    is_foreign: bool,
}

/// The process that waits for the upgrade: not the session yet, which may be one that moves.
struct Upgrading<S>(PhantomData<S>);

/// Why a request cannot become a WebSocket. Answers with 400, 403, 405 or 426.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The method is not GET.
    Method,
    /// A header is missing or wrong.
    Header(&'static str),
    /// Another version of the protocol than 13.
    Version,
    /// The connection cannot be upgraded, as with HTTP/1.0.
    Connection,
    /// A page of another site asks, by `Origin` and `Host`.
    Origin,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method => f.write_str("a WebSocket is asked for with GET"),
            Self::Header(name) => write!(f, "the header {name} is missing or wrong"),
            Self::Version => f.write_str("this server speaks version 13 of the WebSocket protocol"),
            Self::Connection => f.write_str("this connection cannot be upgraded"),
            Self::Origin => f.write_str("this WebSocket is not for pages of other sites"),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let text = self.to_string();
        match self {
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, text).into_response(),
            Self::Origin => (StatusCode::FORBIDDEN, text).into_response(),
            Self::Header(_) | Self::Connection => (StatusCode::BAD_REQUEST, text).into_response(),
            Self::Version => (StatusCode::UPGRADE_REQUIRED, [(SEC_WEBSOCKET_VERSION, "13")], text).into_response(),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for WebSocketUpgrade {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Rejection> {
        let accept = check(&parts.method, &parts.headers)?;
        let upgrade = parts.extensions.remove::<OnUpgrade>().ok_or(Rejection::Connection)?;
        Ok(Self { accept, upgrade, is_foreign: is_foreign(&parts.headers) })
    }
}

/// The value of `Sec-WebSocket-Accept`.
fn check(method: &Method, headers: &HeaderMap) -> Result<String, Rejection> {
    if method != Method::GET {
        return Err(Rejection::Method);
    }
    if !has_token(headers, &CONNECTION, "upgrade") {
        return Err(Rejection::Header("connection"));
    }
    if !has_token(headers, &UPGRADE, "websocket") {
        return Err(Rejection::Header("upgrade"));
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Rejection::Version);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    key.map(|key| derive_accept_key(key.as_bytes())).ok_or(Rejection::Header("sec-websocket-key"))
}

/// Whether a browser asks for a page of another site. Other clients say no origin.
fn is_foreign(headers: &HeaderMap) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter().peekable();
    if origins.peek().is_none() {
        return false;
    }
    let host = headers.get(HOST).map(HeaderValue::as_bytes);
    // `null` is the origin of a page that has none: it is nobody's own.
    let site = |origin: &[u8]| {
        let at = origin.windows(3).position(|part| part == b"://")?;
        Some(origin[at + 3..].to_vec())
    };
    !origins.all(|origin| {
        let site = site(origin.as_bytes());
        site.is_some_and(|site| host.is_some_and(|host| site.eq_ignore_ascii_case(host)))
    })
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

impl WebSocketUpgrade {
    /// Pages of other sites may ask, too: for what anybody may see and do. Behind a proxy that changes `Host`, this, and a check of one's own.
    #[must_use]
    pub fn any_origin(self) -> Self {
        Self { is_foreign: false, ..self }
    }

    /// Accepts, and begins a session with this state: a process of its own, from the moment that the connection has been upgraded. If its
    /// type is listed in [`application!`](crate::application!), it moves to the next version with its state and its socket.
    pub fn session<S: Session>(self, state: S) -> Response {
        self.accept_as::<Upgrading<S>, _, _>(move |stream, unread| async move { run::begin(state, stream, unread) })
    }

    /// Accepts. `session` runs in a process of its own, from the moment that the connection has been upgraded. It stays on this version to
    /// its end.
    pub fn on_upgrade<S, F>(self, session: S) -> Response
    where
        S: FnOnce(WebSocket) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        self.accept_as::<S, _, _>(move |stream, unread| session(WebSocket::new(stream, unread)))
    }

    /// Runs `act`, in a process that is known by the name of the type `N`, when the connection has been upgraded.
    fn accept_as<N, A, F>(self, act: A) -> Response
    where
        N: 'static,
        A: FnOnce(TcpStream, Vec<u8>) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        if self.is_foreign {
            return Rejection::Origin.into_response();
        }
        let upgrade = self.upgrade;
        let spawned = spawn_as::<N, _>(async move {
            match upgrade.await.map(upgraded_stream) {
                Ok(Some((stream, unread))) => act(stream, unread.into()).await,
                Ok(None) => tracing::error!("a connection of another server than plugin_abi::http was upgraded"),
                Err(error) => tracing::debug!(%error, "the connection ended before it was upgraded"),
            }
        });
        if let Err(error) = spawned {
            return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response();
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        match HeaderValue::from_str(&self.accept) {
            Ok(accept) => headers.insert(SEC_WEBSOCKET_ACCEPT, accept),
            // Base64 is always a header's value.
            Err(_) => return Rejection::Header("sec-websocket-key").into_response(),
        };
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        assert_eq!(check(&Method::GET, &headers(&GOOD)).as_deref(), Ok("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(check(&Method::POST, &headers(&GOOD)), Err(Rejection::Method));
        let without = |name| headers(&GOOD.into_iter().filter(|(other, _)| *other != name).collect::<Vec<_>>());
        for (name, rejection) in [
            ("connection", Rejection::Header("connection")),
            ("upgrade", Rejection::Header("upgrade")),
            ("sec-websocket-version", Rejection::Version),
            ("sec-websocket-key", Rejection::Header("sec-websocket-key")),
        ] {
            assert_eq!(check(&Method::GET, &without(name)), Err(rejection), "{name}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_foreign() {
        let says =
            |origin: &[(&'static str, &'static str)]| is_foreign(&headers(&[&[("host", "app:4000")], origin].concat()));
        assert!(!says(&[]), "no browser");
        assert!(!says(&[("origin", "http://app:4000")]) && !says(&[("origin", "https://APP:4000")]));
        for other in
            ["http://app", "http://app:4001", "http://evil.app:4000", "http://app:4000.evil", "null", "app:4000", ""]
        {
            let other: &'static str = other;
            assert!(says(&[("origin", other)]), "{other:?}");
        }
        assert!(is_foreign(&headers(&[("origin", "http://app:4000")])), "to nobody");
    }
}

//! The user's service, watched: is a request in flight, can the connection be used again?

use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderMap, HeaderValue};
use hyper::{Request, Response, Version};
use hyper_util::service::TowerToHyperService;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use tower_service::Service;

const IN_FLIGHT: u8 = 1;
const NOT_REUSABLE: u8 = 1 << 1;
const LAST: u8 = 1 << 2;
const HANDING_OVER: u8 = 1 << 3;

/// What is known of a connection. Touched by its own process alone, though through an `Arc`.
#[derive(Debug, Default)]
pub(super) struct Known {
    flags: AtomicU8,
    requests: AtomicU32,
}

impl Known {
    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }

    fn set(&self, flag: u8, on: bool) {
        let flags = self.flags.load(Ordering::Relaxed);
        self.flags.store(if on { flags | flag } else { flags & !flag }, Ordering::Relaxed);
    }

    /// From the call of the service until its response is there.
    pub(super) fn is_in_flight(&self) -> bool {
        self.has(IN_FLIGHT)
    }

    /// Between requests, nothing of the last one is left, and nobody wants to close.
    pub(super) fn is_reusable(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & (IN_FLIGHT | NOT_REUSABLE | LAST) == 0
    }

    /// The next response says `Connection: close`.
    pub(super) fn close_after_next(&self) {
        self.set(LAST, true);
    }

    /// hyper is done with the socket when it shuts it down, and the socket stays open.
    pub(super) fn hand_over(&self) {
        self.set(HANDING_OVER, true);
    }

    pub(super) fn is_handing_over(&self) -> bool {
        self.has(HANDING_OVER)
    }

    /// Requests so far.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    fn begin(&self, request: &Request<Incoming>) {
        let requests = self.requests.load(Ordering::Relaxed);
        self.requests.store(requests.wrapping_add(1), Ordering::Relaxed);
        // The rest of a body that the handler leaves unread would be taken for a request by the next reader.
        let is_plain =
            request.body().is_end_stream() && request.version() == Version::HTTP_11 && !says_close(request.headers());
        self.set(IN_FLIGHT, true);
        // It came just before hyper heard of the leaving: hyper answers it and says `Connection: close`.
        self.set(HANDING_OVER, false);
        self.set(NOT_REUSABLE, !is_plain);
    }

    fn end<B>(&self, response: &mut Response<B>) {
        if self.has(LAST) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        } else if says_close(response.headers()) {
            self.set(NOT_REUSABLE, true);
        }
        self.set(IN_FLIGHT, false);
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")))
    })
}

/// A tower service for hyper.
#[derive(Debug)]
pub(super) struct Watched<S> {
    service: TowerToHyperService<S>,
    known: Arc<Known>,
}

impl<S> Watched<S> {
    pub(super) fn new(service: S, known: Arc<Known>) -> Self {
        Self { service: TowerToHyperService::new(service), known }
    }
}

impl<S, B> hyper::service::Service<Request<Incoming>> for Watched<S>
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Answer<<TowerToHyperService<S> as hyper::service::Service<Request<Incoming>>>::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.known.begin(&request);
        Answer { future: self.service.call(request), known: Arc::clone(&self.known) }
    }
}

pin_project! {
    /// A response to come.
    #[derive(Debug)]
    pub(super) struct Answer<F> {
        #[pin]
        future: F,
        known: Arc<Known>,
    }
}

impl<F, B, E> Future for Answer<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answer = self.project();
        let mut response = ready!(answer.future.poll(cx));
        match &mut response {
            Ok(response) => answer.known.end(response),
            Err(_) => answer.known.set(IN_FLIGHT, false),
        }
        Poll::Ready(response)
    }
}

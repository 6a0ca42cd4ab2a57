//! The user's service, watched: a request is in flight from its call until the last of the response's body.

use super::known::{InFlight, Known};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Request, Response};
use hyper_util::service::TowerToHyperService;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower_service::Service;

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
    type Response = Response<Watching<B>>;
    type Error = S::Error;
    type Future = Watching<<TowerToHyperService<S> as hyper::service::Service<Request<Incoming>>>::Future>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let in_flight = Some(self.known.begin(&request));
        Watching { inner: self.service.call(request), in_flight }
    }
}

pin_project! {
    /// A response to come, then its body. The request is in flight as long as this lives; the future passes that on to the body.
    #[derive(Debug)]
    pub(super) struct Watching<T> {
        #[pin]
        inner: T,
        in_flight: Option<InFlight>,
    }
}

impl<F, B, E> Future for Watching<F>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<Watching<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let in_flight = this.in_flight.take();
        if let Some(in_flight) = &in_flight {
            in_flight.known().answer(&mut response);
        }
        Poll::Ready(Ok(response.map(|inner| Watching { inner, in_flight })))
    }
}

impl<B: Body> Body for Watching<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

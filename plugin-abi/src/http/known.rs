//! What is known of a connection: noted by the service, the bodies and the socket, asked by the connection's process.

use crate::drain::{ImageState, image_state};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

const IN_FLIGHT: u8 = 1;
const NOT_REUSABLE: u8 = 1 << 1;
const LAST: u8 = 1 << 2;
const HANDING_OVER: u8 = 1 << 3;
const WROTE: u8 = 1 << 4;
const HEAD_BEGUN: u8 = 1 << 5;

/// Touched by the connection's own process alone, one thread at a time, though through an `Arc`: a load and a store need be no
/// atomic operation together.
#[derive(Debug, Default)]
pub(super) struct Known(AtomicU8);

impl Known {
    fn has(&self, flags: u8) -> bool {
        self.0.load(Ordering::Relaxed) & flags != 0
    }

    fn change(&self, set: u8, clear: u8) {
        self.0.store(self.0.load(Ordering::Relaxed) & !clear | set, Ordering::Relaxed);
    }

    /// From the call of the service until hyper has all of its response.
    pub(super) fn is_in_flight(&self) -> bool {
        self.has(IN_FLIGHT)
    }

    /// Between requests, nothing of the last one is left, and nobody wants to close.
    pub(super) fn is_reusable(&self) -> bool {
        !self.has(IN_FLIGHT | NOT_REUSABLE | LAST)
    }

    /// The next response says `Connection: close`.
    pub(super) fn close_after_next(&self) {
        self.change(LAST, 0);
    }

    /// hyper is done with the socket when it shuts it down, and the socket stays open.
    pub(super) fn hand_over(&self) {
        self.change(HANDING_OVER, 0);
    }

    pub(super) fn is_handing_over(&self) -> bool {
        self.has(HANDING_OVER)
    }

    /// Bytes came from the peer.
    pub(super) fn read(&self) {
        self.change(HEAD_BEGUN, 0);
    }

    /// The peer made room for bytes.
    pub(super) fn wrote(&self) {
        self.change(WROTE, 0);
    }

    /// Whether bytes were written since this was asked last.
    pub(super) fn take_wrote(&self) -> bool {
        let wrote = self.has(WROTE);
        self.change(0, WROTE);
        wrote
    }

    /// A request's head has begun and is not complete.
    pub(super) fn has_begun_head(&self) -> bool {
        self.has(HEAD_BEGUN)
    }

    /// A request is there; in flight until what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>, request: &Request<Incoming>) -> InFlight {
        // The rest of a body that the handler leaves unread would be taken for a request by the next reader.
        let is_plain =
            request.body().is_end_stream() && request.version() == Version::HTTP_11 && !says_close(request.headers());
        // If it is being handed over, the request came just before hyper heard of the leaving: hyper answers it and says
        // `Connection: close`.
        self.change(IN_FLIGHT, HANDING_OVER | NOT_REUSABLE | HEAD_BEGUN);
        if !is_plain {
            self.change(NOT_REUSABLE, 0);
        }
        InFlight(Arc::clone(self))
    }

    /// The head of its response is there.
    pub(super) fn answer<B>(&self, response: &mut Response<B>) {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            self.change(NOT_REUSABLE, 0);
            return;
        }
        if says_close(response.headers()) {
            self.change(NOT_REUSABLE, 0);
        }
        // What cannot be handed over ends here, and the client is told in time.
        if self.has(LAST) || self.has(NOT_REUSABLE) && image_state() != ImageState::Current {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            self.change(NOT_REUSABLE, 0);
        }
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| {
        value.to_str().is_ok_and(|value| value.split(',').any(|option| option.trim().eq_ignore_ascii_case("close")))
    })
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight(Arc<Known>);

impl InFlight {
    pub(super) fn known(&self) -> &Known {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        // What was read meanwhile was the request's body, or is the next request ahead of its time.
        self.0.change(0, IN_FLIGHT | HEAD_BEGUN);
    }
}

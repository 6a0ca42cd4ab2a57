//! Readiness of file descriptors: sources, and the poller that fills them.

mod abandon;
mod poller;
mod source;

pub(crate) use abandon::abandon;
pub(crate) use poller::POLLER;
pub(crate) use source::{clear, deregister, ready, register};

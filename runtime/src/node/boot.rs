//! What comes of an application whose tree does not start.
//!
//! ```text
//! the version that the node has booted, and still runs ─► the node stops in order, and ends with the reason
//! another, by an upgrade ─► the node goes on
//! ```

use super::error::NodeError;
use super::stop;
use crate::control::StopRequest;
use crate::host;
use crate::image::Image;
use crate::listen;
use crate::log;
use plugin_abi::abi::LOG_ERROR;
use std::sync::OnceLock;
use std::sync::mpsc::SyncSender;

static STOP: OnceLock<SyncSender<StopRequest>> = OnceLock::new();
static FAILED: OnceLock<String> = OnceLock::new();

/// From here on, `stop` hears of it.
pub(super) fn watch(stop: SyncSender<StopRequest>) {
    STOP.get_or_init(|| stop);
    host::set_on_start_failed(start_failed);
}

/// Whether what was booted has started, as far as is known.
pub(super) fn outcome() -> Result<(), NodeError> {
    match FAILED.get() {
        Some(reason) => Err(NodeError::Start { reason: reason.clone() }),
        None => Ok(()),
    }
}

fn start_failed(image: &'static Image, reason: &str) {
    let (first, current) = (listen::first(), listen::current());
    let is_booted = first.is_some_and(|first| first.has(image)) && current.is_some_and(|current| current.has(image));
    if !is_booted {
        log::host(LOG_ERROR, "node", &format!("{} did not start its tree; the node goes on without it", image.version));
        return;
    }
    let is_news = FAILED.set(reason.to_owned()).is_ok();
    if is_news && let Some(stop) = STOP.get() {
        // Refused, it stops already.
        let _: Result<(), _> = stop.try_send(stop::request());
    }
}

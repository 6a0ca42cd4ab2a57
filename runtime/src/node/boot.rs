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
use crate::image::{self, Image};
use crate::listen;
use crate::log;
use plugin_abi::abi::LOG_ERROR;
use std::ptr;
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
    let is_first = image::all().first().is_some_and(|first| ptr::eq(*first, image));
    let is_current = listen::current().is_none_or(|current| ptr::eq(current, image));
    if !is_first || !is_current {
        log::host(LOG_ERROR, "node", &format!("{} did not start its tree; the node goes on without it", image.version));
        return;
    }
    let is_news = FAILED.set(reason.to_owned()).is_ok();
    if is_news && let Some(stop) = STOP.get() {
        // Refused, it stops already.
        let _: Result<(), _> = stop.try_send(stop::request());
    }
}

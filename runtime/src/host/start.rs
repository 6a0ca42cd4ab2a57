//! The door by which an application says that its tree did not start.
//!
//! What comes of it is the node's to say, which stands above this room: [`set_on_start_failed`].

use super::text;
use crate::image::Image;
use crate::scheduler::{InHost, current_process};
use plugin_abi::abi::Slice;
use std::sync::OnceLock;

type OnStartFailed = fn(&'static Image, &str);

static ON_START_FAILED: OnceLock<OnStartFailed> = OnceLock::new();

/// Says what comes of it, once.
pub(crate) fn set_on_start_failed(act: OnStartFailed) {
    ON_START_FAILED.get_or_init(|| act);
}

pub(super) unsafe extern "C" fn start_failed(reason: Slice) {
    let _host = InHost::enter();
    if let (Some(act), Some(process)) = (ON_START_FAILED.get(), current_process()) {
        // SAFETY: the table's contract: text, valid for the call.
        act(process.image(), &unsafe { text(reason) });
    }
}

//! An application's tree that has moved: its root process starts what the new version has added, and stops what it does not have.
//!
//! The first is part of the upgrade: what does not start undoes it. The second follows when it is done, or undone: it is waited for for a
//! while, so that a client that hears of the upgrade finds the tree settled; it goes on by itself then.

use crate::image::Image;
use crate::log;
use crate::moving::{Batch, Limits, Want};
use crate::process::{Handle, Pid, table};
use plugin_abi::abi::LOG_INFO;
use std::time::Duration;

/// The plugin gives up before: `START_TIME` there.
const START_TIME: Duration = Duration::from_secs(30);
const SETTLE_TIME: Duration = Duration::from_secs(10);

/// A root process that runs on that image.
pub(super) fn root_on(root: Option<Pid>, image: &'static Image) -> Option<Handle> {
    let root = root.and_then(table::find)?;
    (root.state.is_alive() && std::ptr::eq(root.image(), image)).then_some(root)
}

/// Has what the image adds started.
///
/// # Errors
/// Why not all does; what has started by then is stopped by `settle` on the image before.
pub(super) fn start_added(root: Handle) -> Result<(), String> {
    let limits = Limits { boundary: START_TIME, ..Limits::default() };
    match Batch::one(root, limits).run(Want::Start).fault {
        Some(fault) => Err(format!("the tree's new children did not all start: {}", fault.reason)),
        None => Ok(()),
    }
}

/// Has what the image does not have stopped.
pub(super) fn settle(root: Handle) {
    let limits = Limits { boundary: SETTLE_TIME, ..Limits::default() };
    if let Some(fault) = Batch::one(root, limits).run(Want::Settle).fault {
        log::host(LOG_INFO, "upgrade", &format!("the tree still settles: {fault}"));
    }
}

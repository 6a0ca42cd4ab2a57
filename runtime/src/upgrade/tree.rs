//! An application's tree that has moved: its root process starts what the new version has added, and stops what it does not have.
//!
//! The first is part of the upgrade: what does not start undoes it. The second follows when it is done, or undone: it is waited for for a
//! while, so that a client that hears of the upgrade finds the tree settled; it goes on by itself then.

use super::candidate::RootFuture;
use super::swap::Swap;
use super::versions::Versions;
use crate::image::Image;
use crate::log;
use crate::moving::{Batch, Limits, Want};
use crate::process::{Handle, Pid, table};
use plugin_abi::abi::{LOG_INFO, LOG_WARN};
use std::time::Duration;

/// The plugin gives up before: `START_TIME` there.
pub(super) const START_TIME: Duration = Duration::from_secs(30);
pub(super) const SETTLE_TIME: Duration = Duration::from_secs(10);

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
fn settle(root: Handle) {
    let limits = Limits { boundary: SETTLE_TIME, ..Limits::default() };
    if let Some(fault) = Batch::one(root, limits).run(Want::Settle).fault {
        log::host(LOG_INFO, "upgrade", &format!("the tree still settles: {fault}"));
    }
}

impl Versions {
    /// What a tree that has moved adds is there when this is done, and so is all of an added plugin's tree, whose root that is.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) fn start_tree(&self, swap: Swap, image: &'static Image, root: Option<RootFuture>) -> Result<(), String> {
        if let Some(before) = swap.before {
            return root_on(self.root(before), image).map_or(Ok(()), start_added);
        }
        let Some(root) = root else { return Ok(()) };
        let failed = || format!("the tree of {} did not start; the log says why", image.plugin);
        let root = root.start(image).ok_or_else(failed)?;
        self.set_root(image, root);
        root_on(Some(root), image).map_or(Ok(()), start_added)?;
        root_on(Some(root), image).map(drop).ok_or_else(failed)
    }

    /// The root process that was runs on that image: its tree starts what it lacks, which on the way forth it has by now, and stops what is not in it.
    /// Otherwise the image's own root starts, if there is one.
    pub(super) fn settle_root(&self, held: Option<Pid>, image: &'static Image, root: Option<RootFuture>) {
        let Some(held) = root_on(held, image) else {
            if let Some(root) = root.and_then(|root| root.start(image)) {
                self.set_root(image, root);
            }
            return;
        };
        let pid = held.pid();
        self.set_root(image, pid);
        if let Err(reason) = start_added(held) {
            log::host(LOG_WARN, "upgrade", &format!("{}: {reason}", image.version));
        }
        if let Some(held) = root_on(Some(pid), image) {
            settle(held);
        }
    }
}

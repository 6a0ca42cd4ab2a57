//! What is ready to become current: a release's images, and of those that are new the root processes, made and not started.

use crate::image::{Configured, Image};
use crate::listen::{Bound, Running};
use crate::log;
use crate::process::{Birth, Pid, Priority};
use crate::release::config::{Change, Config};
use crate::scheduler::{self, Unstarted};
use plugin_abi::abi::{LOG_ERROR, ProcessFuture};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Candidate {
    /// What serves then.
    pub(super) running: Running,
    /// Its images that do not serve yet, in its order.
    pub(super) fresh: Vec<Fresh>,
    /// Its new sockets.
    pub(super) bound: Vec<Bound>,
}

/// An image that does not serve yet.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) image: &'static Image,
    pub(super) root: Option<RootFuture>,
    pub(super) config: Config,
    /// The same, as its application has checked it.
    pub(super) configured: Option<Configured>,
}

/// A process that was made and not started: a root, a health check's, or one that hears of a change.
#[derive(Debug)]
pub(super) struct RootFuture(ProcessFuture);

// SAFETY: a future may move between threads (`ProcessVtable` is called from any one thread at a time).
#[expect(unsafe_code, reason = "it is made on one thread and started on another")]
unsafe impl Send for RootFuture {}

/// The root process of an image's application, if it has one.
pub(super) fn root_of(image: &'static Image) -> Result<Option<RootFuture>, String> {
    let Some(application) = image.application() else { return Ok(None) };
    let root = application.start().map_err(|_| "the application's start failed; the log has the panic".to_owned())?;
    Ok(root.map(RootFuture))
}

/// The health check of that index of an image's application.
pub(super) fn check_of(image: &'static Image, index: usize) -> Option<RootFuture> {
    image.application()?.start_health_check(u32::try_from(index).ok()?).map(RootFuture)
}

/// Has an image's application hear what is different in its configuration, if it wants to.
pub(super) fn tell_change(image: &'static Image, change: &Change) {
    let Some(application) = image.application().filter(|_| !change.is_empty()) else { return };
    let change = serde_json::to_vec(change).unwrap_or_default();
    match application.config_change(&change) {
        // What keeps it from being started is in the log.
        Ok(hearer) => drop(hearer.map(RootFuture).and_then(|hearer| hearer.start(image))),
        Err(status) => {
            let message =
                format!("{} could not be told what changed in its configuration (status {status})", image.version);
            log::host(LOG_ERROR, "upgrade", &message);
        }
    }
}

#[expect(unsafe_code, reason = "a future that crossed the ABI is given on, or dropped")]
impl RootFuture {
    /// The process, which does not run yet. `None`: there are as many as may be.
    pub(super) fn begin(self, image: &'static Image) -> Option<Unstarted> {
        let birth = Birth {
            image,
            future: self.0,
            parent: None,
            priority: Priority::Normal,
            mailbox_limit: 0,
            born: scheduler::stamp(),
        };
        // SAFETY: a future of this image, given away; on refusal it is ours still, and dropped below.
        let begun = unsafe { scheduler::begin(&birth) }?;
        std::mem::forget(self);
        Some(begun)
    }

    pub(super) fn start(self, image: &'static Image) -> Option<Pid> {
        let future = self.0;
        std::mem::forget(self);
        // SAFETY: a future of this image, given away.
        let root = unsafe { scheduler::spawn(image, future) };
        if root.is_none() {
            let message = "the process limit is reached: a process of the application's is not started";
            log::host(LOG_ERROR, "upgrade", message);
            drop(Self(future));
        }
        root
    }
}

#[expect(unsafe_code, reason = "a future that crossed the ABI is dropped by its own image")]
impl Drop for RootFuture {
    fn drop(&mut self) {
        // SAFETY: ours, and never polled.
        unsafe { ((*self.0.vtable).drop)(self.0.data) };
    }
}

//! What serves: which images new processes start on, all of them behind one atomic pointer, so that a release takes effect as a whole.

use crate::image::{Declared, Image};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A release that serves, or has served, with an image of each of its plugins. It is never freed.
#[derive(Debug)]
pub(crate) struct Running {
    /// The release's version.
    pub(crate) version: String,
    /// Each behind those that it needs, the application's own last.
    pub(crate) images: Vec<&'static Image>,
}

impl Running {
    /// Is it an image of this release?
    pub(crate) fn has(&self, image: &Image) -> bool {
        self.images.iter().any(|own| ptr::eq(*own, image))
    }

    /// What all of it listens on, the application's own first.
    pub(crate) fn listeners(&self) -> Vec<Declared> {
        self.images.iter().rev().flat_map(|image| image.listeners.iter().cloned()).collect()
    }
}

static CURRENT: AtomicPtr<Running> = AtomicPtr::new(ptr::null_mut());
static FIRST: AtomicPtr<Running> = AtomicPtr::new(ptr::null_mut());

/// What serves; `None` before the first.
pub(crate) fn current() -> Option<&'static Running> {
    read(&CURRENT)
}

/// What served first: what the node has booted.
pub(crate) fn first() -> Option<&'static Running> {
    read(&FIRST)
}

#[expect(unsafe_code, reason = "a reference through an atomic pointer")]
fn read(pointer: &AtomicPtr<Running>) -> Option<&'static Running> {
    // SAFETY: only `set_current` writes them, from a `&'static Running`.
    unsafe { pointer.load(Ordering::SeqCst).as_ref() }
}

/// New processes start on those images from here on.
pub(crate) fn set_current(running: &'static Running) {
    let running = ptr::from_ref(running).cast_mut();
    // The first of all stays.
    let _: Result<_, _> = FIRST.compare_exchange(ptr::null_mut(), running, Ordering::SeqCst, Ordering::SeqCst);
    CURRENT.store(running, Ordering::SeqCst);
}

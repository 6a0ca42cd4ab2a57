//! Which image new processes start on: one atomic pointer.

use crate::image::Image;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

static CURRENT: AtomicPtr<Image> = AtomicPtr::new(ptr::null_mut());

/// The current image; `None` before the first.
#[expect(unsafe_code, reason = "a reference through an atomic pointer")]
pub(crate) fn current() -> Option<&'static Image> {
    // SAFETY: only `set_current` writes it, from a `&'static Image`.
    unsafe { CURRENT.load(Ordering::SeqCst).as_ref() }
}

/// New processes start on that image from here on.
pub(crate) fn set_current(image: &'static Image) {
    CURRENT.store(ptr::from_ref(image).cast_mut(), Ordering::SeqCst);
}

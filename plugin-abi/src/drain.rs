//! What becomes of the image that this code belongs to.

use crate::abi::{IMAGE_CURRENT, IMAGE_DRAINING};
use crate::ffi;
use std::future::poll_fn;
use std::task::Poll;

/// What the node does with this image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageState {
    /// New processes start on it.
    Current,
    /// Another version is current: its processes finish.
    Draining,
    /// The node stops: its processes finish, or are killed after a while.
    Stopping,
}

/// What the node does with this image now.
#[must_use]
pub fn image_state() -> ImageState {
    state_of(ffi::image_state())
}

fn state_of(raw: u32) -> ImageState {
    match raw {
        IMAGE_CURRENT => ImageState::Current,
        IMAGE_DRAINING => ImageState::Draining,
        _ => ImageState::Stopping,
    }
}

/// The plugin's version with the build's hash, such as `0.1.0+3f2a91bc`.
#[must_use]
pub fn version() -> &'static str {
    ffi::image_version()
}

/// Waits until this image is not current any more.
///
/// # Panics
/// When it is polled outside of a process.
pub async fn draining() {
    wait_for(|state| state != ImageState::Current).await;
}

/// Waits until the node stops.
///
/// # Panics
/// When it is polled outside of a process.
pub async fn stopping() {
    wait_for(|state| state == ImageState::Stopping).await;
}

async fn wait_for(is_there: impl Fn(ImageState) -> bool) {
    let mut watch = ffi::ImageWatch::default();
    poll_fn(|cx| {
        // Elsewhere nobody would wake it.
        let state = watch.look(cx.waker()).expect("only a process can wait for the image's state to change");
        if is_there(state_of(state)) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

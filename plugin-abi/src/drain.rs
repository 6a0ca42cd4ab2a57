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
    match ffi::image_state() {
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
pub async fn draining() {
    wait_for(|state| state != ImageState::Current).await;
}

/// Waits until the node stops.
pub async fn stopping() {
    wait_for(|state| state == ImageState::Stopping).await;
}

/// The host wakes every process of an image whose state changes: to look again at each poll is enough.
async fn wait_for(is_there: impl Fn(ImageState) -> bool) {
    poll_fn(|cx| {
        if is_there(image_state()) {
            return Poll::Ready(());
        }
        ffi::with_local(|local| local.watch(cx.waker()));
        Poll::Pending
    })
    .await;
}

//! A future's watch of its image's state: current, draining, stopping.

use super::future::with_local;
use super::host::image_state;
use super::waker::is_process_waker;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// Never given twice in an image, so that a watch which is dropped in another process takes nothing back there.
pub(super) fn next_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// One future's watch of the image's state, taken back when it is dropped.
#[derive(Debug, Default)]
pub(crate) struct ImageWatch(Option<u64>);

impl ImageWatch {
    /// The image's state now; the task behind `waker` is polled when it is another. `None`: not in a process.
    pub(crate) fn look(&mut self, waker: &Waker) -> Option<u32> {
        // Read before it is noted as seen: what changes from here on is news.
        let state = image_state();
        with_local(|local| {
            if !is_process_waker(waker) {
                local.watch_as(*self.0.get_or_insert_with(next_number), state, waker);
            }
            state
        })
    }
}

impl Drop for ImageWatch {
    fn drop(&mut self) {
        if let Some(number) = self.0 {
            with_local(|local| local.unwatch(number));
        }
    }
}

//! The door by which an old image's idle connection goes to the current image.
//!
//! Who knows the current image is the node, which stands above this room: it says how to adopt by [`set_adopter`].

use super::text;
use crate::scheduler::{InHost, current_process};
use plugin_abi::abi::{STATUS_FAILED, STATUS_NONE, STATUS_OK, Slice, Status};
use std::os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::sync::OnceLock;

/// A connection that looks for a new process.
#[derive(Debug)]
pub(crate) struct Adoption<'a> {
    /// Image that gives it away.
    pub(crate) from: u64,
    /// The listener it came in by.
    pub(crate) listener: &'a str,
    /// The socket.
    pub(crate) fd: OwnedFd,
    /// Bytes read from it and not used.
    pub(crate) unread: &'a [u8],
}

/// Adopts, or gives the socket back.
type Adopter = fn(Adoption<'_>) -> Result<(), OwnedFd>;

static ADOPTER: OnceLock<Adopter> = OnceLock::new();

/// Says how to adopt, once.
pub(crate) fn set_adopter(adopter: Adopter) {
    ADOPTER.get_or_init(|| adopter);
}

pub(super) unsafe extern "C" fn hand_over(listener: Slice, fd: i32, unread: Slice) -> Status {
    let _host = InHost::enter();
    let (Some(adopt), Some(process)) = (ADOPTER.get(), current_process()) else { return STATUS_FAILED };
    if fd < 0 {
        return STATUS_FAILED;
    }
    // SAFETY: the table's contract: slices valid for the call, a descriptor that is the caller's and given away unless we refuse it.
    let adoption = unsafe {
        Adoption {
            from: process.image().context.id,
            listener: &text(listener),
            fd: OwnedFd::from_raw_fd(fd),
            unread: unread.as_bytes(),
        }
    };
    match adopt(adoption) {
        Ok(()) => STATUS_OK,
        Err(fd) => {
            let _: i32 = fd.into_raw_fd();
            STATUS_NONE
        }
    }
}

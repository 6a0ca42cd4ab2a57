//! Sockets of a process that never runs again, and never closes them.
//!
//! Nobody may close them in its place: it, or another that it shares them with, still has the number. So the connection is shut down,
//! which its peer sees, and the number is made to name nothing: what the kernel has for the socket is freed, and nobody is given the
//! number again.
#![expect(unsafe_code, reason = "descriptors whose owner never runs again")]

use super::source::{deregister, of_owner};
use rustix::io::dup2;
use rustix::net::{Shutdown, shutdown};
use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};

/// Ends what the process `owner` has open, as far as it is watched.
pub(crate) fn abandon(owner: u64) {
    let sources = of_owner(owner);
    if sources.is_empty() {
        return;
    }
    let nothing = File::open("/dev/null");
    for fd in sources.into_iter().filter_map(deregister) {
        // SAFETY: its owner keeps it open until it has deregistered it itself, which it never does; not closed here, either.
        let mut fd = ManuallyDrop::new(unsafe { OwnedFd::from_raw_fd(fd) });
        // It may be something else than a socket, or have gone.
        let _: Result<(), _> = shutdown(fd.as_fd(), Shutdown::Both);
        if let Ok(nothing) = &nothing {
            // Refused, the connection is shut down all the same.
            let _: Result<(), _> = dup2(nothing, &mut fd);
        }
    }
}

//! Reading from a socket into a buffer that is not initialised.

use rustix::fd::AsFd;
use rustix::io::Errno;
use std::io;
use tokio::io::ReadBuf;

/// What a system call came to.
pub(crate) enum Attempt {
    /// That many bytes; 0: the end.
    Read(usize),
    /// Nothing there.
    Again,
}

/// One `read`, straight into the buffer.
pub(crate) fn read(fd: impl AsFd, buf: &mut ReadBuf<'_>) -> io::Result<Attempt> {
    loop {
        // SAFETY: nothing in the buffer is made uninitialised: `read` only writes to it.
        let unfilled = unsafe { buf.unfilled_mut() };
        match rustix::io::read(&fd, unfilled) {
            Ok((read, _)) => {
                let len = read.len();
                // SAFETY: the kernel has just written these bytes.
                unsafe { buf.assume_init(len) };
                buf.advance(len);
                return Ok(Attempt::Read(len));
            }
            Err(Errno::AGAIN) => return Ok(Attempt::Again),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

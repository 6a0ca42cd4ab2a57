//! A descriptor that the node watches.

use crate::ffi;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

/// Owns a non-blocking descriptor. Deregistered before it closes.
#[derive(Debug)]
pub(crate) struct Source<T: AsFd> {
    io: Option<T>,
    source: u64,
}

impl<T: AsFd> Source<T> {
    pub(crate) fn new(io: T) -> io::Result<Self> {
        let source = ffi::io_register(io.as_fd())?;
        Ok(Self { io: Some(io), source })
    }

    pub(crate) fn get(&self) -> &T {
        self.io.as_ref().expect("it is taken out by what consumes this alone")
    }

    /// The descriptor, not watched any more.
    pub(crate) fn into_inner(mut self) -> T {
        ffi::io_deregister(self.source);
        self.io.take().expect("it is taken out here alone")
    }

    /// One that is watched already, by that number.
    pub(crate) fn watched(io: T, source: u64) -> Self {
        Self { io: Some(io), source }
    }

    pub(crate) fn number(&self) -> u64 {
        self.source
    }

    /// The descriptor, which goes on being watched.
    pub(crate) fn into_watched(mut self) -> T {
        self.io.take().expect("it is taken out here alone")
    }

    /// Waits for `interest`: a token for [`Source::clear`].
    pub(crate) fn poll_ready(&self, interest: u32, cx: &Context<'_>) -> Poll<u64> {
        match ffi::io_ready(self.source, interest, cx.waker()) {
            0 => Poll::Pending,
            token => Poll::Ready(token),
        }
    }

    /// The system call found nothing, or took all there was.
    pub(crate) fn clear(&self, interest: u32, token: u64) {
        ffi::io_clear(self.source, interest, token);
    }

    /// Tries until it is not `WouldBlock` any more.
    pub(crate) fn poll_io<R>(
        &self,
        interest: u32,
        cx: &Context<'_>,
        mut attempt: impl FnMut(&T) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            let Poll::Ready(token) = self.poll_ready(interest, cx) else { return Poll::Pending };
            match attempt(self.get()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.clear(interest, token),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return Poll::Ready(done),
            }
        }
    }
}

impl<T: AsFd> Drop for Source<T> {
    fn drop(&mut self) {
        if self.io.is_some() {
            ffi::io_deregister(self.source);
        }
    }
}

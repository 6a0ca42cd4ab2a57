//! Lines of standard input. None is waited for any more when there has been a Ctrl-C.

use crate::failure::Failure;
use crate::interrupt;
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use std::io;

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Read, and not yet given.
    pending: Vec<u8>,
    is_over: bool,
}

impl Lines {
    /// The next one, with its end if it has one. `None`: there are no more.
    pub(super) fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            let end = self.pending.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            if let Some(end) = end.or_else(|| self.is_over.then_some(self.pending.len())) {
                let line: Vec<u8> = self.pending.drain(..end).collect();
                let line = String::from_utf8(line)
                    .map_err(|_| unreadable(&"it is not UTF-8").hint("an expression is text in UTF-8"))?;
                return Ok(Some(line).filter(|line| !line.is_empty()));
            }
            interrupt::check()?;
            self.read().map_err(|error| unreadable(&error))?;
        }
    }

    /// What there is by the next look at Ctrl-C.
    fn read(&mut self) -> io::Result<()> {
        let look = Timespec { tv_sec: 0, tv_nsec: interrupt::LOOK.subsec_nanos().into() };
        let stdin = io::stdin();
        match rustix::event::poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&look)) {
            Ok(0) | Err(Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut chunk = [0; 8192];
        match rustix::io::read(&stdin, &mut chunk) {
            Ok(0) => self.is_over = true,
            Ok(len) => self.pending.extend_from_slice(&chunk[..len]),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

fn unreadable(why: &dyn std::fmt::Display) -> Failure {
    Failure::error(format!("standard input cannot be read: {why}"))
}

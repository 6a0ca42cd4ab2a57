//! Talks on a socket that come to an end: what is read or written has a deadline as a whole, and not each part of it.
//!
//! A time-out of the socket's begins anew with each byte that comes or goes, so that who sends one now and then would keep its place for ever.

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{RecvFlags, SendFlags};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// A connected stream socket. All that is read and written is so until the deadline.
#[derive(Debug)]
pub(crate) struct Timely<'a> {
    socket: BorrowedFd<'a>,
    /// `None`: there is none.
    until: Option<Instant>,
}

impl<'a> Timely<'a> {
    /// From now on there is so much time for all of it.
    pub(crate) fn within(socket: &'a impl AsFd, patience: Duration) -> Self {
        Self { socket: socket.as_fd(), until: Some(Instant::now() + patience) }
    }

    /// The same anew; `None`: without an end.
    pub(crate) fn give(&mut self, patience: Option<Duration>) {
        self.until = patience.map(|patience| Instant::now() + patience);
    }

    /// Waits until the socket is ready, or hung up on.
    fn wait(&self, ready: PollFlags) -> io::Result<()> {
        loop {
            let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let left =
                left.map(|left| Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() });
            match rustix::event::poll(&mut [PollFd::from_borrowed_fd(self.socket, ready)], left.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Tries, and waits, and tries again.
    fn go_on(&self, ready: PollFlags, mut act: impl FnMut() -> rustix::io::Result<usize>) -> io::Result<usize> {
        loop {
            match act() {
                Ok(len) => return Ok(len),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => self.wait(ready)?,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Read for Timely<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.go_on(PollFlags::IN, || Ok(rustix::net::recv(self.socket, &mut *buffer, RecvFlags::DONTWAIT)?.0))
    }
}

impl Write for Timely<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.go_on(PollFlags::OUT, || rustix::net::send(self.socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead as _, BufReader};
    use std::os::unix::net::UnixStream;
    use std::sync::atomic::{AtomicBool, Ordering};

    const PATIENCE: Duration = Duration::from_millis(100);
    /// Far more than what is waited for, and less than what a time-out for each byte would come to.
    const LONG: Duration = Duration::from_secs(20);

    fn is_late(result: io::Result<usize>) -> bool {
        result.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut)
    }

    #[test]
    fn a_byte_now_and_then_gives_no_more_time() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    theirs.write_all(b"x").expect("there is room for it");
                    std::thread::sleep(PATIENCE / 10);
                }
            });
            let begun = Instant::now();
            let read = BufReader::new(Timely::within(&ours, PATIENCE)).read_until(b'\n', &mut Vec::new());
            is_over.store(true, Ordering::Relaxed);
            assert!(is_late(read) && begun.elapsed() < LONG);
        });
    }

    #[test]
    fn one_who_takes_little_is_not_written_to_for_ever() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) && theirs.read(&mut [0; 100]).is_ok_and(|len| len > 0) {
                    std::thread::sleep(PATIENCE / 10);
                }
            });
            let begun = Instant::now();
            let written = Timely::within(&ours, PATIENCE).write_all(&vec![0; 16 << 20]);
            is_over.store(true, Ordering::Relaxed);
            drop(ours);
            assert!(is_late(written.map(|()| 0)) && begun.elapsed() < LONG);
        });
    }

    #[test]
    fn what_comes_in_time_is_read_and_the_end_is_seen() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        Timely::within(&theirs, PATIENCE).write_all(b"a\nb").expect("written");
        let mut reader = BufReader::new(Timely::within(&ours, PATIENCE));
        let mut line = String::new();
        assert_eq!(reader.read_line(&mut line).expect("a line"), 2);
        assert!(is_late(reader.read_line(&mut line)));
        reader.get_mut().give(None);
        theirs.write_all(b"c").expect("written");
        drop(theirs);
        line.clear();
        reader.read_line(&mut line).expect("the end");
        assert_eq!(line, "c");
    }
}

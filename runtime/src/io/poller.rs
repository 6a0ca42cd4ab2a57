//! The kernel's readiness queue (epoll, edge-triggered) and the way to wake whoever waits in it.
//!
//! Platform-specific: another system needs another such file with `add`, `delete`, `wait` and `notify`.

use super::source;
use crate::waker::Waker;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::sync::LazyLock;
use std::time::Duration;

const EVENTS_LEN: usize = 256;
/// No source has this number: its generation would be the last of all.
const NOTIFY: u64 = u64::MAX;

/// One for the node.
pub(crate) static POLLER: LazyLock<Poller> =
    LazyLock::new(|| Poller::new().expect("the kernel gives an epoll and an eventfd to a process that starts"));

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
    event: OwnedFd,
}

impl Poller {
    fn new() -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        // Edge-triggered: each write is an edge, so the counter need not be read back.
        epoll::add(&epoll, &event, EventData::new_u64(NOTIFY), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, event })
    }

    pub(super) fn add(&self, fd: BorrowedFd<'_>, source: u64) -> Result<(), Errno> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, fd, EventData::new_u64(source), flags)
    }

    #[expect(unsafe_code, reason = "the number of a descriptor is all that is kept of it")]
    pub(super) fn delete(&self, fd: RawFd) {
        // SAFETY: a source's descriptor stays open until it is deregistered, which is happening.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        // It fails only for a descriptor that is not watched, which is what is wanted.
        let _: Result<(), Errno> = epoll::delete(&self.epoll, fd);
    }

    /// Ends the wait that is under way, or the next one.
    pub(crate) fn notify(&self) {
        // EAGAIN: the counter is full of notifications that nobody missed.
        let _: Result<usize, Errno> = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    /// Waits for edges, for `timeout` at the most (`None`: until notified), and collects whom they wake.
    pub(crate) fn wait(&self, timeout: Option<Duration>, woken: &mut Vec<Waker>) {
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        let mut buffer = [MaybeUninit::<Event>::uninit(); EVENTS_LEN];
        // EINTR: as if nothing had come; the caller looks again.
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut buffer, timeout.as_ref()) else { return };
        for event in events {
            let Event { flags, data } = *event;
            if data.u64() != NOTIFY {
                woken.extend(source::edge(data.u64(), flags).into_iter().flatten());
            }
        }
    }
}

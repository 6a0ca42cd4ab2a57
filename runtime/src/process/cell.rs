//! A process: 128 bytes that stay where they are, life after life.
//!
//! Who touches what, and when:
//! - `state`, `mailbox.push`, `fate`: anybody who has a reference.
//! - `future`, `mailbox.take`, `polls`: the runner (between `State::run` and `leave`/`end`).
//! - `begin`, `mailbox.reopen`: the slot's owner, when nobody has a reference.
//! - `pid`, `image`: written by the owner in `begin`, read by anybody who has a reference.

use super::fate::Fate;
use super::mailbox::Mailbox;
use super::pid::Pid;
use super::state::State;
use crate::image::Image;
use plugin_abi::abi::{POLL_PANICKED, POLL_PENDING, ProcessFuture};
use std::cell::Cell;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the file's head.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Process {
    pub(crate) state: State,
    pub(crate) mailbox: Mailbox,
    pub(crate) fate: Fate,
    future: Cell<ProcessFuture>,
    image: Cell<Option<&'static Image>>,
    slot: Cell<u32>,
    polls: AtomicU64,
}

// SAFETY: the cells are written and read as the file's head says: by the slot's owner before the process is published by
// `State::begin` (Release) and a run queue, or by the one runner, whose turns are ordered by the state word.
unsafe impl Sync for Process {}
// SAFETY: a future may move between threads (`ProcessVtable` is called from any one thread at a time).
unsafe impl Send for Process {}

/// What a poll came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Polled {
    Pending,
    Ready,
    Panicked,
}

const NO_FUTURE: ProcessFuture = ProcessFuture { data: ptr::null_mut(), vtable: ptr::null() };

impl Process {
    pub(crate) fn unused() -> Self {
        Self {
            state: State::unused(),
            mailbox: Mailbox::new(),
            fate: Fate::default(),
            future: Cell::new(NO_FUTURE),
            image: Cell::new(None),
            slot: Cell::new(0),
            polls: AtomicU64::new(0),
        }
    }

    /// A new life in this slot, scheduled but not yet in a run queue.
    ///
    /// # Safety
    /// The caller owns the slot `slot`, which is this one; it owns `future`, a valid future of `image`, and gives it away.
    pub(crate) unsafe fn begin(&self, slot: u32, image: &'static Image, future: ProcessFuture) -> Pid {
        self.slot.set(slot);
        self.image.set(Some(image));
        self.future.set(future);
        self.polls.store(0, Ordering::Relaxed);
        self.fate.reopen();
        // SAFETY: the caller owns the slot.
        unsafe { self.mailbox.reopen() };
        Pid::new(slot, self.state.begin())
    }

    /// For holders of a reference.
    pub(crate) fn pid(&self) -> Pid {
        Pid::new(self.slot.get(), self.state.generation())
    }

    /// The image it runs on. For holders of a reference.
    pub(crate) fn image(&self) -> &'static Image {
        self.image.get().expect("a process that was begun has an image")
    }

    /// The process type's name. For the runner, or under a reference: the vtable is a static of the image.
    pub(crate) fn type_name(&self) -> &'static str {
        let future = self.future.get();
        if future.vtable.is_null() {
            return "";
        }
        // SAFETY: a vtable and its name live as long as the OS process; the name is text by contract, checked here.
        unsafe { str::from_utf8(((*future.vtable).type_name)().as_bytes()).unwrap_or("?") }
    }

    /// Polls its future once.
    ///
    /// # Safety
    /// The caller is the runner and has not ended the process.
    pub(crate) unsafe fn poll(&self) -> Polled {
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls + 1, Ordering::Relaxed);
        let future = self.future.get();
        let waker: *const c_void = ptr::from_ref(self).cast();
        // SAFETY: `begin` was given a valid future; only the one runner polls, and never after `drop_future`.
        match unsafe { ((*future.vtable).poll)(future.data, waker) } {
            POLL_PENDING => Polled::Pending,
            POLL_PANICKED => Polled::Panicked,
            _ => Polled::Ready,
        }
    }

    /// Drops its future, in its own image's code.
    ///
    /// # Safety
    /// The caller is the runner; called once in a life, after the last poll.
    pub(crate) unsafe fn drop_future(&self) {
        let future = self.future.get();
        // SAFETY: as in `poll`; the caller drops once. A panic in it was caught and reported by the plugin.
        unsafe { ((*future.vtable).drop)(future.data) };
        self.future.set(ProcessFuture { data: ptr::null_mut(), vtable: future.vtable });
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_takes_two_cache_lines() {
        assert!(size_of::<super::Process>() <= 128, "{}", size_of::<super::Process>());
    }
}

//! A process: 128 bytes that stay where they are, life after life. Its runner writes into the first half of them, and those who send to it
//! into the second: they are two cache lines.
//!
//! Who touches what, and when:
//! - `state`, `mailbox.push`, `fate`: anybody who has a reference.
//! - `data`, `mailbox.take`, `polls`: the runner (between `State::run` and `leave`/`end`; while the process is suspended, whoever moves it).
//! - `begin`, `mailbox.reopen`: the slot's owner, when nobody has a reference.
//! - `pid`, `parent`: written by the owner in `begin`, read by anybody who has a reference.
//! - `image`, `vtable`: written by the owner in `begin` and by whoever moves the process, read by anybody who has a reference.
//! - `place` (slot and priority): written by the owner and the runner, read by anybody.
//! - `born`: written by the owner in `begin`, read by anybody.

use super::fate::Fate;
use super::mailbox::Mailbox;
use super::pid::Pid;
use super::shared::Shared;
use super::state::State;
use crate::image::Image;
use plugin_abi::abi::{
    MessageVtable, Opaque, POLL_EXITED, POLL_KILLED, POLL_PENDING, POLL_SUSPENDED, PRIORITY_HIGH, PRIORITY_LOW,
    PRIORITY_NORMAL, ProcessFuture, ProcessVtable, Slice, StateType,
};
use std::cell::Cell;
use std::ffi::c_void;
use std::mem::offset_of;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// See the file's head.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Process {
    /// First: the waker data, which is a pointer to the process, points to it by the ABI.
    pub(crate) shared: Shared,
    polls: AtomicU64,
    /// Ticks of processor time, of polls that have returned.
    ticks: AtomicU64,
    data: Cell<Opaque>,
    parent: Cell<Pid>,
    /// In both halves.
    pub(crate) mailbox: Mailbox,
    pub(crate) state: State,
    pub(crate) fate: Fate,
    vtable: AtomicPtr<ProcessVtable>,
    image: AtomicPtr<Image>,
    /// The slot, in the lower bits, and the priority.
    place: AtomicU32,
    /// When it began: a stamp of the schedulers' clock.
    born: AtomicU32,
}

/// Bits of [`Process::place`] that are the slot: `table::PROCESSES_MAX` fits.
const SLOT_BITS: u32 = 26;

/// What a new life begins with.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) image: &'static Image,
    pub(crate) future: ProcessFuture,
    pub(crate) parent: Option<Pid>,
    pub(crate) priority: Priority,
    pub(crate) mailbox_limit: u32,
    /// When it begins: a stamp of the schedulers' clock.
    pub(crate) born: u32,
}

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    Low,
    #[default]
    Normal,
    High,
}

impl Priority {
    /// As it crosses.
    pub(crate) fn to_abi(self) -> u32 {
        match self {
            Self::Low => PRIORITY_LOW,
            Self::Normal => PRIORITY_NORMAL,
            Self::High => PRIORITY_HIGH,
        }
    }

    /// Of `PRIORITY_*`; any other number is normal.
    pub(crate) fn from_abi(priority: u32) -> Self {
        match priority {
            PRIORITY_LOW => Self::Low,
            PRIORITY_HIGH => Self::High,
            _ => Self::Normal,
        }
    }
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
    Exited,
    Killed,
    /// It has given its state, and waits to be moved.
    Suspended,
}

impl Polled {
    /// For people.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Suspended => "suspended",
        }
    }
}

impl Process {
    pub(crate) fn unused() -> Self {
        Self {
            shared: Shared::new(),
            polls: AtomicU64::new(0),
            ticks: AtomicU64::new(0),
            data: Cell::new(ptr::null_mut()),
            parent: Cell::new(Pid::NONE),
            mailbox: Mailbox::new(),
            state: State::unused(),
            fate: Fate::new(),
            vtable: AtomicPtr::new(ptr::null_mut()),
            image: AtomicPtr::new(ptr::null_mut()),
            place: AtomicU32::new(0),
            born: AtomicU32::new(0),
        }
    }

    /// A new life in this slot, scheduled but not yet in a run queue.
    ///
    /// # Safety
    /// The caller owns the slot `slot`, which is this one; it owns `birth.future`, a valid future of `birth.image`, and gives it away.
    pub(crate) unsafe fn begin(&self, slot: u32, birth: &Birth) -> Pid {
        self.place.store(slot, Ordering::Relaxed);
        self.born.store(birth.born, Ordering::Relaxed);
        self.set_code(birth.image, birth.future);
        self.parent.set(birth.parent.unwrap_or(Pid::NONE));
        self.polls.store(0, Ordering::Relaxed);
        self.ticks.store(0, Ordering::Relaxed);
        self.shared.reset(self.vtable().len);
        self.set_priority(birth.priority);
        self.fate.reopen();
        // SAFETY: the caller owns the slot.
        unsafe { self.mailbox.reopen(birth.mailbox_limit) };
        Pid::new(slot, self.state.begin())
    }

    /// The future that it is from here on, and its image's.
    fn set_code(&self, image: &'static Image, future: ProcessFuture) {
        self.data.set(future.data);
        self.vtable.store(future.vtable.cast_mut(), Ordering::Release);
        self.image.store(ptr::from_ref(image).cast_mut(), Ordering::Release);
    }

    /// Puts another future of another image into its place, which has allocated so many bytes; returns the one before. All else stays.
    ///
    /// # Safety
    /// The process is suspended, and the caller is the one who moves it; `future` is a valid future of `image`, the caller's to give.
    pub(crate) unsafe fn replace(&self, image: &'static Image, future: ProcessFuture, memory: i64) -> ProcessFuture {
        let (before, left) = (ProcessFuture { data: self.data.get(), vtable: self.vtable() }, self.image());
        image.processes.add(1);
        self.set_code(image, future);
        left.processes.add(-1);
        self.shared.restart(self.vtable().len, memory);
        before
    }

    /// Its declared state: the name, and the version that it has. `None`: it does not move. For holders of a reference.
    pub(crate) fn state_type(&self) -> Option<(&'static str, u32)> {
        let state = self.vtable().state?;
        let mut out = StateType { size: size_of::<StateType>(), name: Slice::EMPTY, version: 0 };
        // SAFETY: valid for a write of as much as its size says; the name lives as long as the OS process.
        let name = unsafe {
            state(&raw mut out);
            str::from_utf8(out.name.as_bytes())
        };
        name.ok().filter(|name| !name.is_empty()).map(|name| (name, out.version))
    }

    /// For holders of a reference.
    pub(crate) fn pid(&self) -> Pid {
        Pid::new(self.slot(), self.state.generation())
    }

    fn slot(&self) -> u32 {
        self.place.load(Ordering::Relaxed) & ((1 << SLOT_BITS) - 1)
    }

    /// When it began, as the schedulers' clock stamped it.
    pub(crate) fn born(&self) -> u32 {
        self.born.load(Ordering::Relaxed)
    }

    /// Charges a turn's processor time. For the runner.
    pub(crate) fn charge(&self, ticks: u64) {
        self.ticks.store(self.ticks() + ticks, Ordering::Relaxed);
    }

    /// Ticks of processor time, of polls that have returned.
    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Polls that have begun.
    pub(crate) fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }

    /// The image it runs on. For holders of a reference.
    pub(crate) fn image(&self) -> &'static Image {
        // SAFETY: only `set_code` writes it, from a `&'static Image`.
        unsafe { self.image.load(Ordering::Acquire).as_ref() }.expect("a process that was begun has an image")
    }

    /// Who started it. For holders of a reference. `None`: the node.
    pub(crate) fn parent(&self) -> Option<Pid> {
        Some(self.parent.get()).filter(|parent| *parent != Pid::NONE)
    }

    pub(crate) fn priority(&self) -> Priority {
        match self.place.load(Ordering::Relaxed) >> SLOT_BITS {
            0 => Priority::Low,
            1 => Priority::Normal,
            _ => Priority::High,
        }
    }

    pub(crate) fn set_priority(&self, priority: Priority) {
        // Written by one at a time, so nothing is lost between.
        self.place.store(self.slot() | (priority as u32) << SLOT_BITS, Ordering::Relaxed);
    }

    fn vtable(&self) -> &'static ProcessVtable {
        // SAFETY: only `set_code` writes it, from a valid future, whose vtable lives as long as the OS process.
        unsafe { self.vtable.load(Ordering::Acquire).as_ref() }.expect("a process that was begun has a vtable")
    }

    /// The process type's name. For holders of a reference.
    pub(crate) fn type_name(&self) -> &'static str {
        // SAFETY: the name lives as long as the OS process; it is text by contract, checked here.
        unsafe { str::from_utf8((self.vtable().type_name)().as_bytes()).unwrap_or("?") }
    }

    /// The messages that it takes. `None`: none. For holders of a reference.
    pub(crate) fn message_type(&self) -> Option<&'static MessageVtable> {
        // SAFETY: null, or a vtable that lives as long as the OS process.
        unsafe { self.vtable().message.as_ref() }
    }

    /// Polls its future once.
    ///
    /// # Safety
    /// The caller is the runner and has not ended the process.
    pub(crate) unsafe fn poll(&self) -> Polled {
        let polls = self.polls.load(Ordering::Relaxed);
        self.polls.store(polls + 1, Ordering::Relaxed);
        let waker: *const c_void = ptr::from_ref(self).cast();
        // SAFETY: `begin` was given a valid future; only the one runner polls, and never after `drop_future`.
        match unsafe { (self.vtable().poll)(self.data.get(), waker) } {
            POLL_PENDING => Polled::Pending,
            POLL_EXITED => Polled::Exited,
            POLL_KILLED => Polled::Killed,
            POLL_SUSPENDED => Polled::Suspended,
            _ => Polled::Ready,
        }
    }

    /// Drops its future, in its own image's code.
    ///
    /// # Safety
    /// The caller is the runner; called once in a life, after the last poll.
    pub(crate) unsafe fn drop_future(&self) {
        let data = self.data.replace(ptr::null_mut());
        // SAFETY: as in `poll`; the caller drops once. A panic in it was caught and reported by the plugin.
        unsafe { (self.vtable().drop)(data) };
    }
}

const LINE: usize = 64;
const _: () = assert!(size_of::<Process>() == 2 * LINE, "two cache lines");
const _: () = assert!(offset_of!(Process, mailbox) + Mailbox::SENDERS == LINE, "senders write into the second");

//! Many threads at the process table, mailboxes, links and monitors at once. For whoever counts afterwards, and for the sanitizers.
//!
//! Each of [`PLACES`] has a process. In each turn it does something at random to those in other places: links, monitors, signals, kills,
//! wakes; it takes what its mailbox has; and whoever ends, in order or not, is followed by another in its place, until there were [`LIVES`].
#![expect(unsafe_code, reason = "a future as it crosses the ABI, and the mailbox that its runner takes from")]

use super::{InHost, current_process, demonitor, kill, link, monitor, signal, unlink, wake};
use crate::image;
use crate::process::{Pid, Process, Reason, table};
use plugin_abi::abi::{
    EXIT_ERROR, EXIT_NORMAL, Opaque, POLL_PENDING, POLL_READY, ProcessFuture, ProcessVtable, STATUS_OK, Slice, Status,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SCHEDULERS: usize = 8;
const PLACES: usize = 48;
const LIVES: u64 = 40_000;
const ACTS: u64 = 4;
/// Sanitized, on a busy machine.
const TIME_MAX: Duration = Duration::from_secs(300);

static PIDS: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];
static BEGUN: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static HEARD: AtomicU64 = AtomicU64::new(0);

/// What a process is.
struct Member {
    place: usize,
    random: u64,
    turns: u64,
    watched: Option<(u64, Pid)>,
}

static MEMBER: ProcessVtable = ProcessVtable {
    size: size_of::<ProcessVtable>(),
    poll,
    drop: drop_member,
    type_name,
    message: ptr::null(),
    len: size_of::<Member>(),
    state: None,
    drop_moved: drop_member,
};

extern "C" fn type_name() -> Slice {
    Slice::text("member")
}

unsafe extern "C" fn poll(data: Opaque, _waker: *const c_void) -> u32 {
    let _host = InHost::enter();
    // SAFETY: only `begin` makes futures of this vtable, out of a boxed member; the runner polls alone.
    let member = unsafe { &mut *data.cast::<Member>() };
    member.turn(current_process().expect("a poll has a process"))
}

unsafe extern "C" fn drop_member(data: Opaque) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above; dropped once.
    let member = unsafe { Box::from_raw(data.cast::<Member>()) };
    DROPPED.fetch_add(1, Ordering::Relaxed);
    begin(member.place);
    STATUS_OK
}

/// The next process in that place, unless there were enough.
fn begin(place: usize) {
    let life = BEGUN.fetch_add(1, Ordering::Relaxed);
    if life >= LIVES {
        BEGUN.fetch_sub(1, Ordering::Relaxed);
        return;
    }
    let member = Box::new(Member { place, random: life, turns: 1 + life % 8, watched: None });
    let future = ProcessFuture { data: Box::into_raw(member).cast(), vtable: &raw const MEMBER };
    // SAFETY: `MEMBER`'s functions take a boxed `Member`; it is given away.
    let pid = unsafe { super::spawn(image::host(), future) }.expect("room for a process");
    PIDS[place].store(pid.get(), Ordering::Relaxed);
}

impl Member {
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % end
    }

    fn turn(&mut self, own: &'static Process) -> u32 {
        for _ in 0..ACTS {
            let place = self.below(PLACES as u64);
            let other = Pid::from_raw(PIDS[usize::try_from(place).expect("small")].load(Ordering::Relaxed));
            self.act(own, other);
        }
        // SAFETY: this is the runner.
        while let Some(message) = unsafe { own.mailbox.take() } {
            HEARD.fetch_add(1, Ordering::Relaxed);
            drop(message);
        }
        self.turns -= 1;
        if self.turns == 0 {
            return POLL_READY;
        }
        wake(own);
        POLL_PENDING
    }

    fn act(&mut self, own: &'static Process, other: Pid) {
        let found = table::find(other);
        match self.below(10) {
            0..=2 => link(own, other),
            3 => unlink(own, other),
            4 | 5 => self.watched = Some((monitor(own, other), other)),
            6 => {
                if let Some((reference, target)) = self.watched.take() {
                    demonitor(own, target, reference);
                }
            }
            7 => _ = own.fate.open(|books| books.traps_exits = true),
            8 => {
                let code = if self.below(4) == 0 { EXIT_ERROR } else { EXIT_NORMAL };
                found.iter().for_each(|found| signal(found.process(), Some(own.pid()), Reason::of(code)));
            }
            _ if self.below(4) == 0 => found.iter().for_each(|found| _ = kill(found.process())),
            _ => found.iter().for_each(|found| wake(found.process())),
        }
    }
}

#[test]
fn what_many_threads_do_to_one_another_leaves_nothing_behind() {
    super::start(SCHEDULERS, SCHEDULERS).expect("threads");
    (0..PLACES).for_each(begin);
    let until = Instant::now() + TIME_MAX;
    let alive = || table::all().filter(|process| process.type_name() == "member").count();
    while DROPPED.load(Ordering::Relaxed) < LIVES || alive() > 0 {
        assert!(Instant::now() < until, "{} of {LIVES} have ended", DROPPED.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((BEGUN.load(Ordering::Relaxed), DROPPED.load(Ordering::Relaxed)), (LIVES, LIVES), "each once");
    assert!(HEARD.load(Ordering::Relaxed) > LIVES / 10, "they have heard of each other");
    assert_eq!(image::host().processes.get(), 0, "none is counted any more");
}

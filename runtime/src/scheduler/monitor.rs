//! The monitor: a thread that watches for turns that take too long, and has the scheduler's role taken over.
//!
//! It looks once a [`TICK`] while any scheduler works, and sleeps while none does. A turn that it sees at two looks, [`SLICE`] apart, is
//! long. It matters when work waits and no scheduler sleeps, or when nobody waits for I/O: then another thread takes the role
//! over, and the long runner goes on on its own thread under `SCHED_IDLE`: whoever else has something to do goes first, and it gets
//! what is left (at the least the share of the kernel's weight for idle tasks, 3 to 1024).
//!
//! CPU loops, blocking system calls and locks are all the same to it, and it costs the fast path two stores a turn.
//! There are [`LONG_RUNNERS_MAX`] long runners at the most; beyond that a role stays with its thread, and the log says so.
#![expect(unsafe_code, reason = "another thread's scheduling policy is set by a system call that only libc has")]

use super::role::{ROLES, Role};
use super::{idle, start_thread};
use crate::log;
use parking_lot::{Condvar, Mutex};
use plugin_abi::abi::LOG_WARN;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);
const SLICE: Duration = Duration::from_millis(2);
/// So many threads may be held by processes that do not give way.
const LONG_RUNNERS_MAX: u64 = 1024;
/// The log hears at most once in this time that the bound is reached.
const WARN_PAUSE: Duration = Duration::from_secs(10);

static HAND_OFFS: AtomicU64 = AtomicU64::new(0);
static LONG_RUNNERS: AtomicI64 = AtomicI64::new(0);
static ASLEEP: AtomicBool = AtomicBool::new(false);
static SLEEP: Mutex<()> = Mutex::new(());
static AWAKE: Condvar = Condvar::new();

/// How often a role was taken over.
pub(crate) fn hand_offs() -> u64 {
    HAND_OFFS.load(Ordering::Relaxed)
}

/// Processes that run on a thread of their own because they do not give way.
pub(crate) fn long_runners() -> u64 {
    // Below zero for a moment, when a turn ends just as it is counted.
    LONG_RUNNERS.load(Ordering::Relaxed).max(0).unsigned_abs()
}

/// A thread that had lost its role ends.
pub(super) fn long_runner_ended() {
    LONG_RUNNERS.fetch_sub(1, Ordering::Relaxed);
}

/// A scheduler begins to work.
pub(super) fn wake() {
    if ASLEEP.load(Ordering::Relaxed) {
        drop(SLEEP.lock());
        AWAKE.notify_one();
    }
}

/// What was seen of a role.
#[derive(Clone, Copy, Debug)]
struct Seen {
    turn: u64,
    since: Instant,
}

/// Starts the monitor.
pub(super) fn start(roles: &'static [Role]) -> io::Result<()> {
    std::thread::Builder::new().name("monitor".to_owned()).spawn(move || watch(roles)).map(drop)
}

fn watch(roles: &'static [Role]) {
    let mut seen = vec![Seen { turn: 0, since: Instant::now() }; roles.len()];
    let mut warned: Option<Instant> = None;
    loop {
        std::thread::sleep(TICK);
        let mut is_busy = false;
        for (role, seen) in roles.iter().zip(&mut seen) {
            let turn = role.turn();
            is_busy |= turn % 2 == 1 || turn != seen.turn;
            if turn % 2 == 0 || turn != seen.turn {
                *seen = Seen { turn, since: Instant::now() };
            } else if seen.since.elapsed() >= SLICE && it_matters() {
                hand_off(role, turn, &mut warned);
            }
        }
        if !is_busy && idle::has_sleepers() {
            sleep();
        }
    }
}

/// A sleeping scheduler is woken for waiting work, which needs no other thread.
fn it_matters() -> bool {
    let work_waits = !ROLES.are_empty();
    if work_waits && idle::has_sleepers() {
        idle::notify();
        return false;
    }
    work_waits || idle::poller_is_missing()
}

fn hand_off(role: &'static Role, turn: u64, warned: &mut Option<Instant>) {
    let complaint = if long_runners() >= LONG_RUNNERS_MAX {
        format!("{LONG_RUNNERS_MAX} processes do not give way: the next one holds its scheduler")
    } else if let Err(error) = start_thread(role, turn, taken) {
        format!("the system gives no thread for a process that does not give way: {error}")
    } else {
        return;
    };
    if warned.is_none_or(|warned| warned.elapsed() > WARN_PAUSE) {
        log::host(LOG_WARN, "scheduler", &complaint);
        *warned = Some(Instant::now());
    }
}

/// Called by the thread that has taken a role over, with the one that held it.
fn taken(before: i32) {
    HAND_OFFS.fetch_add(1, Ordering::Relaxed);
    LONG_RUNNERS.fetch_add(1, Ordering::Relaxed);
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: a valid parameter; a thread that has ended meanwhile is refused. Refused, the long runner keeps its priority.
    let _: libc::c_int = unsafe { libc::sched_setscheduler(before, libc::SCHED_IDLE, &raw const param) };
}

/// Until a scheduler begins to work; or for a while, in case it has just begun.
fn sleep() {
    let mut guard = SLEEP.lock();
    ASLEEP.store(true, Ordering::SeqCst);
    AWAKE.wait_for(&mut guard, Duration::from_millis(100));
    ASLEEP.store(false, Ordering::SeqCst);
}

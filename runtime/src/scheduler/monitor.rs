//! The monitor: a thread that watches for turns that take too long, and has the scheduler's role taken over.
//!
//! It looks once a [`TICK`] while any scheduler works, and sleeps while none does. A turn is long when its thread has used [`SLICE`] of
//! processor time in it, or has slept in the kernel for so long: not when the machine is busy and the thread had to wait for a
//! processor. A long turn matters when work waits and no scheduler sleeps, or when nobody waits for I/O: then another thread takes
//! the role over, and the long runner goes on on its own thread.
//!
//! A long runner that has used [`DEMOTE_AFTER`] of processor time more goes on under `SCHED_IDLE`, so whoever else has something to do
//! goes first, and takes turns with the others: what it gets then is said in `rotation.rs`.
//!
//! It also tells each working scheduler once a tick to look at timers and I/O, which polls of less than a slice would make late.
//!
//! CPU loops, blocking system calls and locks are all the same to it, and it costs the fast path two stores a turn.
//! There are [`LONG_RUNNERS_MAX`] long runners at the most; beyond that a role stays with its thread, and the log says so.

use super::role::{ROLES, Role};
use super::seat::Seat;
use super::{idle, reaper, rotation, start_thread, thread};
use crate::log;
use parking_lot::{Condvar, Mutex};
use plugin_abi::abi::LOG_WARN;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);
const SLICE: Duration = Duration::from_millis(2);
const DEMOTE_AFTER: Duration = Duration::from_millis(20);
/// The same when there are as many long runners as schedulers already.
const DEMOTE_IN_CROWD_AFTER: Duration = Duration::from_millis(2);
/// So many threads may be held by processes that do not give way.
const LONG_RUNNERS_MAX: u64 = 1024;
/// The log hears at most once in this time that the bound is reached.
const WARN_PAUSE: Duration = Duration::from_secs(10);

static HAND_OFFS: AtomicU64 = AtomicU64::new(0);
static LONG_RUNNERS: AtomicI64 = AtomicI64::new(0);
/// Long runners with their processor time at the hand-off, until they are demoted or end: of threads that live, or are frozen. A thread
/// takes itself off before it ends.
static FRESH: Mutex<Vec<(&'static Seat, Duration)>> = Mutex::new(Vec::new());
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

/// The thread in that seat, which had lost its role, ends.
pub(super) fn long_runner_ended(seat: &'static Seat) {
    LONG_RUNNERS.fetch_sub(1, Ordering::Relaxed);
    forget(seat);
}

fn forget(seat: &'static Seat) {
    FRESH.lock().retain(|(fresh, _)| !ptr::eq(*fresh, seat));
    rotation::leave(seat);
}

/// A thread never runs again: its role goes on on another, if it has one.
pub(super) fn replace(seat: &'static Seat) {
    // As a long runner that has ended: whoever takes the role over counts it as one.
    LONG_RUNNERS.fetch_sub(1, Ordering::Relaxed);
    forget(seat);
    if let Some(role) = ROLES.held_by(seat)
        && let Err(error) = start_thread(role, role.term(), taken)
    {
        // The monitor tries again while work waits.
        log::host(
            LOG_WARN,
            "scheduler",
            &format!("the system gives no thread in place of one that is frozen: {error}"),
        );
    }
}

/// A scheduler begins to work.
pub(super) fn wake() {
    if ASLEEP.load(Ordering::Relaxed) {
        drop(SLEEP.lock());
        AWAKE.notify_one();
    }
}

/// A turn of a role's holder when it was seen first.
#[derive(Clone, Copy, Debug)]
struct Seen {
    term: u64,
    turn: u64,
    /// A thread was started to take the role over.
    is_handed_off: bool,
    since: Instant,
    cpu: Duration,
}

impl Seen {
    fn now(role: &Role) -> Self {
        let (term, seat) = (role.term(), role.seat());
        let turn = seat.map_or(0, Seat::turn);
        let cpu = seat.filter(|_| turn % 2 == 1).and_then(|seat| thread::cpu_time(seat.thread.load(Ordering::Relaxed)));
        Self { term, turn, is_handed_off: false, since: Instant::now(), cpu: cpu.unwrap_or_default() }
    }

    fn is_same(&self, role: &Role, seat: &Seat) -> bool {
        (self.term, self.turn) == (role.term(), seat.turn())
    }

    /// See the file's head.
    fn is_long(&self, seat: &Seat) -> bool {
        if self.since.elapsed() < SLICE {
            return false;
        }
        let thread = seat.thread.load(Ordering::Relaxed);
        let used = thread::cpu_time(thread).unwrap_or_default().saturating_sub(self.cpu);
        used >= SLICE || thread::is_blocked(thread)
    }
}

/// Starts the monitor.
pub(super) fn start(roles: &'static [Role]) -> io::Result<()> {
    std::thread::Builder::new().name("monitor".to_owned()).spawn(move || watch(roles)).map(drop)
}

fn watch(roles: &'static [Role]) {
    let mut seen: Vec<Seen> = roles.iter().map(Seen::now).collect();
    let mut warned: Option<Instant> = None;
    loop {
        std::thread::sleep(TICK);
        let mut is_busy = false;
        for (role, seen) in roles.iter().zip(&mut seen) {
            let Some(seat) = role.seat() else { continue };
            let is_same = seen.is_same(role, seat);
            if seat.turn() % 2 == 1 || !is_same {
                is_busy = true;
                role.ask_for_look();
            }
            if seat.turn().is_multiple_of(2) || !is_same {
                *seen = Seen::now(role);
            } else if seat.is_turn_long() || seen.is_long(seat) {
                seat.set_long(seen.turn);
                reaper::look_at(seat);
                if !seen.is_handed_off && it_matters() {
                    seen.is_handed_off = hand_off(role, seen.term, &mut warned);
                }
            }
        }
        let is_settled = demote() & rotation::tick(roles);
        if !is_busy && is_settled && idle::has_sleepers() {
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
    // Beside long runners that share the processors, one that keeps its scheduler would have one for itself.
    work_waits || idle::poller_is_missing() || rotation::len() > 0
}

/// True when a thread is on its way.
fn hand_off(role: &'static Role, term: u64, warned: &mut Option<Instant>) -> bool {
    let complaint = if long_runners() >= LONG_RUNNERS_MAX {
        format!("{LONG_RUNNERS_MAX} processes do not give way: the next one holds its scheduler")
    } else if let Err(error) = start_thread(role, term, taken) {
        format!("the system gives no thread for a process that does not give way: {error}")
    } else {
        return true;
    };
    if warned.is_none_or(|warned| warned.elapsed() > WARN_PAUSE) {
        log::host(LOG_WARN, "scheduler", &complaint);
        *warned = Some(Instant::now());
    }
    false
}

/// Called by the thread that has taken a role over, with the seat of the one that held it.
fn taken(before: Option<&'static Seat>) {
    HAND_OFFS.fetch_add(1, Ordering::Relaxed);
    LONG_RUNNERS.fetch_add(1, Ordering::Relaxed);
    let Some(before) = before else { return };
    let mut fresh = FRESH.lock();
    // Once its turn has ended, or it was frozen, it is forgotten, or was before the lock was free.
    if before.turn() % 2 == 1 && !before.phase.is_frozen() {
        fresh.push((before, cpu_time(before)));
    }
}

fn cpu_time(seat: &Seat) -> Duration {
    thread::cpu_time(seat.thread.load(Ordering::Relaxed)).unwrap_or_default()
}

/// Demotes the long runners that have had their time. True: none is left to be watched.
fn demote() -> bool {
    let mut fresh = FRESH.lock();
    let is_crowded = rotation::len() >= ROLES.online();
    let allowed = if is_crowded { DEMOTE_IN_CROWD_AFTER } else { DEMOTE_AFTER };
    fresh.retain(|(seat, cpu)| {
        let is_due = cpu_time(seat).saturating_sub(*cpu) >= allowed;
        if is_due {
            seat.demote();
            rotation::enter(seat);
        }
        !is_due
    });
    fresh.is_empty()
}

/// Until a scheduler begins to work; or for a while, in case it has just begun.
fn sleep() {
    let mut guard = SLEEP.lock();
    ASLEEP.store(true, Ordering::SeqCst);
    AWAKE.wait_for(&mut guard, Duration::from_millis(100));
    ASLEEP.store(false, Ordering::SeqCst);
}

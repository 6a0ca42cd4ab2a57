//! The monitor: a thread that watches for turns that take too long, and has the scheduler's role taken over.
//!
//! It looks once a [`TICK`] while any scheduler works, and sleeps while none does. A turn is long when its thread has used [`SLICE`] of
//! processor time in it, or sleeps in the kernel after a tick: not when the machine is busy and the thread had to wait for a
//! processor. A long turn matters when work waits and no scheduler sleeps, or when nobody waits for I/O: then another thread takes
//! the role over, and the long runner goes on on its own thread.
//!
//! Where one process blocks, others often do: for [`HURRY`] after a hand-off a tick is a tenth as long. So fifty that block at once
//! hold up those behind them for some milliseconds, not for fifty slices.
//! When blocked ones follow one another, helpers are started, too: 1, 2, 4 … threads that take one waiting process each, run one
//! turn of it, and end. They hold no role, so if they block, too, nobody waits for them; they count as long runners meanwhile.
//!
//! A long runner that has used [`DEMOTE_AFTER`] of processor time more goes on under `SCHED_IDLE`, so whoever else has something to do
//! goes first, and takes turns with the others: what it gets then is said in `rotation.rs`.
//!
//! It also tells each working scheduler once a tick to look at timers and I/O, which polls of less than a slice would make late.
//!
//! CPU loops, blocking system calls and locks are all the same to it, and it costs the fast path two stores a turn.
//! There are [`LONG_RUNNERS_MAX`] long runners at the most; beyond that a role stays with its thread, which is counted, and the log says
//! so. A role that could not be handed off is tried again at each look.

use super::role::{ROLES, Role};
use super::seat::Seat;
use super::{idle, reaper, rotation, start_helper, start_thread, thread};
use crate::log;
use parking_lot::{Condvar, Mutex};
use plugin_abi::abi::LOG_WARN;
use std::io;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TICK: Duration = Duration::from_millis(1);
pub(super) const SLICE: Duration = Duration::from_millis(2);
/// For so long after a hand-off, looks follow one another faster.
const HURRY: Duration = Duration::from_millis(5);
const HURRIED_TICK: Duration = Duration::from_micros(100);
/// At the most at a time.
const HELPERS_MAX: u64 = 16;
const DEMOTE_AFTER: Duration = Duration::from_millis(20);
/// The same when there are as many long runners as schedulers already.
const DEMOTE_IN_CROWD_AFTER: Duration = Duration::from_millis(2);
/// So many threads may be held by processes that do not give way.
const LONG_RUNNERS_MAX: u64 = 1024;
/// The log hears at most once in this time that the bound is reached.
const WARN_PAUSE: Duration = Duration::from_secs(10);

static HAND_OFFS: AtomicU64 = AtomicU64::new(0);
static REFUSALS: AtomicU64 = AtomicU64::new(0);
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

/// How many long turns have kept their role, since no other thread could take it over when that was wanted.
pub(crate) fn hand_off_refusals() -> u64 {
    REFUSALS.load(Ordering::Relaxed)
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
    if let Some((role, term)) = ROLES.held_by(seat)
        && let Err(error) = start_thread(role, term, taken)
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
    /// None could be, at least once.
    is_refused: bool,
    since: Instant,
    cpu: Duration,
}

impl Seen {
    /// Of a role that nobody has looked at.
    fn nothing() -> Self {
        Self { term: 0, turn: 0, is_handed_off: false, is_refused: false, since: Instant::now(), cpu: Duration::ZERO }
    }

    fn of(term: u64, seat: &Seat) -> Self {
        let turn = seat.turn();
        let cpu = if turn % 2 == 1 { thread::cpu_time(seat.thread.load(Ordering::Relaxed)) } else { None };
        Self { term, turn, cpu: cpu.unwrap_or_default(), ..Self::nothing() }
    }

    fn is_same(&self, term: u64, seat: &Seat) -> bool {
        (self.term, self.turn) == (term, seat.turn())
    }

    /// See the file's head.
    fn is_long(&self, seat: &Seat, patience: Duration) -> bool {
        let thread = seat.thread.load(Ordering::Relaxed);
        let has_used = || cpu_time(seat).saturating_sub(self.cpu) >= SLICE;
        self.since.elapsed() >= SLICE && has_used() || seat.turn_time() >= patience && thread::is_blocked(thread)
    }
}

/// Starts the monitor.
pub(super) fn start(roles: &'static [Role]) -> io::Result<()> {
    let mut monitor = Monitor {
        roles,
        seen: roles.iter().map(|_| Seen::nothing()).collect(),
        handed_off: None,
        helpers: 0,
        warned: None,
    };
    std::thread::Builder::new().name("monitor".to_owned()).spawn(move || monitor.watch()).map(drop)
}

/// See the file's head.
struct Monitor {
    roles: &'static [Role],
    seen: Vec<Seen>,
    /// When a role was handed off last.
    handed_off: Option<Instant>,
    /// So many were started at the last hand-off, while one follows another.
    helpers: u64,
    /// When the log was told last that no role could be handed off.
    warned: Option<Instant>,
}

impl Monitor {
    fn watch(&mut self) {
        let mut ticked = Instant::now();
        let mut is_busy = false;
        loop {
            let is_hurried = self.handed_off.is_some_and(|last| last.elapsed() < HURRY);
            let tick = if is_hurried { HURRIED_TICK } else { TICK };
            self.helpers *= u64::from(is_hurried);
            std::thread::sleep(tick);
            is_busy |= self.look(tick);
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                let is_settled = demote() & rotation::tick(self.roles);
                if !is_busy && is_settled && idle::has_sleepers() {
                    sleep();
                }
                is_busy = false;
            }
        }
    }

    /// At all roles, which are to be left if they have been blocked for so long. True: a scheduler works.
    fn look(&mut self, patience: Duration) -> bool {
        let mut is_busy = false;
        for index in 0..self.seen.len() {
            let (role, seen) = (&self.roles[index], &mut self.seen[index]);
            let (term, Some(seat)) = role.held() else { continue };
            if seat.turn() % 2 == 1 || !seen.is_same(term, seat) {
                is_busy = true;
                role.ask_for_look();
            }
            if !seen.is_same(term, seat) {
                *seen = Seen::of(term, seat);
            }
            if seen.turn % 2 == 1 && (seat.is_turn_long() || seen.is_long(seat, patience)) && seen.is_same(term, seat) {
                if !seat.is_turn_long() {
                    seat.set_long(seen.turn, seen.cpu);
                }
                reaper::look_at(seat);
                if !seen.is_handed_off && it_matters() {
                    seen.is_handed_off = hand_off(role, seen.term, &mut self.warned);
                    if !seen.is_handed_off && !std::mem::replace(&mut seen.is_refused, true) {
                        REFUSALS.fetch_add(1, Ordering::Relaxed);
                    }
                    self.send_help(seat);
                }
            }
        }
        is_busy
    }

    /// A role was handed off. When it was the one or other in a row to block, and others wait, they may be about to do the same.
    fn send_help(&mut self, seat: &Seat) {
        self.handed_off = Some(Instant::now());
        if ROLES.are_empty() || !thread::is_blocked(seat.thread.load(Ordering::Relaxed)) {
            return;
        }
        for _ in 0..self.helpers.min(LONG_RUNNERS_MAX.saturating_sub(long_runners())) {
            // Refused, those who wait have to wait for a scheduler.
            let _: io::Result<()> = start_helper();
        }
        self.helpers = (2 * self.helpers).clamp(1, HELPERS_MAX);
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
    if let Some(before) = before {
        watch_fresh(before);
    }
}

/// The thread in that seat, which holds no role, is about to run a process.
pub(super) fn helper_began(seat: &'static Seat) {
    LONG_RUNNERS.fetch_add(1, Ordering::Relaxed);
    FRESH.lock().push((seat, cpu_time(seat)));
}

/// The thread in that seat has lost its role.
fn watch_fresh(before: &'static Seat) {
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

//! The reaper: a thread that ends processes which do not end by themselves: killed ones that do not give way, and those that a fault
//! has ended.
//!
//! ```text
//! kill of a process that runs ─► first attempt, by whoever kills ─ later ─► wanted ─ each millisecond ─► frozen ─► ended
//!                                                                              └ its poll returned: ended by its runner
//! stack used up, abort ─► the thread waits for ever, its fault noted ─► ended
//! ```
//!
//! Invariants: a process is frozen once, so it is ended once, by whoever froze it, or for a fault by the reaper; its runner never runs
//! again. [`FROZEN_MAX`] threads are frozen at the most; beyond that, a kill waits for the process to give way, and the log says so.

use super::freeze::{self, Attempt};
use super::seat::{self, FAULT_ABORT, FAULT_NONE, Seat};
use super::{exit, monitor, rotation, thread};
use crate::image;
use crate::log;
use crate::process::{Handle, Process, Reason, table};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use plugin_abi::abi::{EXIT_PANIC, LOG_ERROR, LOG_WARN};
use rustix::thread::futex::{self, Timespec};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many threads may be frozen.
pub(crate) const FROZEN_MAX: u64 = 1024;
/// How long whoever kills waits for the thread at the most: as a rule it answers within microseconds.
const FIRST_PATIENCE: Duration = Duration::from_micros(100);
const PATIENCE: Duration = Duration::from_millis(20);
/// How long a process that has come to checkpoints may take to the next one.
const CHECKPOINT_PATIENCE: Duration = Duration::from_secs(1);
/// Between two attempts; and after [`COMPLAIN_AFTER`].
const PAUSE: Duration = Duration::from_millis(1);
const LONG_PAUSE: Duration = Duration::from_millis(100);
/// The log hears of a process that could not be stopped for so long, once.
const COMPLAIN_AFTER: Duration = Duration::from_secs(5);

/// Rung when there is something to do.
static BELL: CachePadded<AtomicU32> = CachePadded::new(AtomicU32::new(0));
static WANTED: Mutex<Vec<Wanted>> = Mutex::new(Vec::new());
static FROZEN: AtomicU64 = AtomicU64::new(0);
static LEAKED: AtomicU64 = AtomicU64::new(0);
static IS_FULL_SAID: AtomicBool = AtomicBool::new(false);
/// Ends that are still to be made.
static BURIALS: Mutex<Vec<Burial>> = Mutex::new(Vec::new());
/// Of ends that have been made.
static EPITAPHS: Mutex<Vec<Epitaph>> = Mutex::new(Vec::new());

thread_local! {
    static IS_BURYING: Cell<bool> = const { Cell::new(false) };
}

/// What has ended a process where it stood.
enum Fault {
    Overflow,
    Abort,
}

/// A killed process that is still to be stopped.
struct Wanted {
    process: Handle,
    since: Instant,
    is_complained: bool,
}

/// Threads that never run again, each with what its process had.
pub(crate) fn frozen_threads() -> u64 {
    FROZEN.load(Ordering::Relaxed)
}

/// Bytes that they hold: stack in use, and what the process had allocated.
pub(crate) fn leaked_bytes() -> u64 {
    LEAKED.load(Ordering::Relaxed)
}

/// Reserves a place for another frozen thread. False: no more may be.
fn reserve() -> bool {
    let reserved =
        FROZEN.try_update(Ordering::AcqRel, Ordering::Acquire, |frozen| (frozen < FROZEN_MAX).then_some(frozen + 1));
    let may = reserved.is_ok();
    if !may && !IS_FULL_SAID.swap(true, Ordering::Relaxed) {
        let message = format!(
            "{FROZEN_MAX} threads are frozen by kills: from now on a killed process goes on until it gives way. \
             Restart the node when it can be spared, and look for what does not give way"
        );
        log::host(LOG_ERROR, "reaper", &message);
    }
    may
}

/// A process was killed while it may be running. False: it cannot be stopped, since too many were.
pub(super) fn kill_running(process: &'static Process) -> bool {
    // One with checkpoints ends there, and leaks nothing.
    let seat = freeze::overdue(process).filter(|_| !process.shared.has_checkpoints());
    if let Some(seat) = seat {
        if !reserve() {
            return false;
        }
        if freeze::attempt(seat, process, FIRST_PATIENCE) == Attempt::Frozen {
            let burial = Burial { seat, process, fault: None };
            // An end that ends others, by links: one after the other, not one within the other.
            if IS_BURYING.get() {
                BURIALS.lock().push(burial);
                ring();
            } else {
                burial.hold();
            }
            return true;
        }
        FROZEN.fetch_sub(1, Ordering::AcqRel);
    }
    want(process);
    true
}

/// Puts a process on the list of those that are to be stopped, once.
fn want(process: &'static Process) {
    let Some(process) = table::find(process.pid()) else { return };
    let mut wanted = WANTED.lock();
    if !wanted.iter().any(|other| std::ptr::eq(other.process.process(), process.process())) {
        wanted.push(Wanted { process, since: Instant::now(), is_complained: false });
        drop(wanted);
        ring();
    }
}

/// The monitor has found a long turn in that seat: of a process that was killed before, or that is being ended?
pub(super) fn look_at(seat: &Seat) {
    if let Some(process) = seat.process().filter(|process| process.state.is_killed()) {
        want(process);
    }
}

/// Wakes the reaper. For handlers, too.
pub(super) fn ring() {
    BELL.fetch_add(1, Ordering::Release);
    // It may be awake.
    let _: Result<usize, _> = futex::wake(&BELL, futex::Flags::PRIVATE, 1);
}

/// Starts the reaper.
pub(super) fn start() -> std::io::Result<()> {
    std::thread::Builder::new().name("reaper".to_owned()).spawn(run).map(drop)
}

fn run() {
    loop {
        let bell = BELL.load(Ordering::Acquire);
        bury_faults();
        let burials = std::mem::take(&mut *BURIALS.lock());
        burials.into_iter().for_each(Burial::hold);
        let epitaphs = std::mem::take(&mut *EPITAPHS.lock());
        epitaphs.into_iter().for_each(Epitaph::write);
        let mut wanted = std::mem::take(&mut *WANTED.lock());
        wanted.retain_mut(|wanted| !is_settled(wanted));
        let is_long = wanted.iter().all(|wanted| wanted.is_complained);
        let is_idle = wanted.is_empty();
        put_back(wanted);
        let pause = if is_long { LONG_PAUSE } else { PAUSE };
        let pause = Timespec::try_from(pause).ok().filter(|_| !is_idle);
        // Rung, timed out or interrupted: there may be something to do.
        let _: Result<(), _> = futex::wait(&BELL, futex::Flags::PRIVATE, bell, pause.as_ref());
    }
}

/// With what has come to the list meanwhile, each once.
fn put_back(mut wanted: Vec<Wanted>) {
    let mut fresh = WANTED.lock();
    let is_there = |new: &Wanted| wanted.iter().any(|old| std::ptr::eq(old.process.process(), new.process.process()));
    fresh.retain(|new| !is_there(new));
    fresh.append(&mut wanted);
}

/// Another attempt. True: it needs no more.
fn is_settled(wanted: &mut Wanted) -> bool {
    let process = wanted.process.process();
    if !process.state.is_alive() {
        return true;
    }
    // Not running for long, but killed: its runner ends it; or it begins another long turn no more.
    let Some(seat) = freeze::overdue(process) else { return false };
    if process.shared.has_checkpoints() && wanted.since.elapsed() < CHECKPOINT_PATIENCE {
        // It has something to do at once. Refused, it comes when others leave it a processor.
        if seat.is_demoted() {
            thread::make_normal(seat.thread.load(Ordering::Relaxed));
        }
        rotation::let_go(seat);
        return false;
    }
    if !reserve() {
        let message = format!("{} ({}) was killed, and goes on until it gives way", process.pid(), process.type_name());
        log::host(LOG_WARN, "reaper", &message);
        return true;
    }
    if freeze::attempt(seat, process, PATIENCE) == Attempt::Frozen {
        Burial { seat, process, fault: None }.hold();
        return true;
    }
    FROZEN.fetch_sub(1, Ordering::AcqRel);
    if !wanted.is_complained && wanted.since.elapsed() > COMPLAIN_AFTER {
        wanted.is_complained = true;
        let message = format!(
            "{} ({}) was killed and cannot be stopped yet: it stands in code that others depend on",
            process.pid(),
            process.type_name()
        );
        log::host(LOG_WARN, "reaper", &message);
    }
    false
}

/// Ends the processes whose threads a fault has stopped.
fn bury_faults() {
    for seat in seat::all() {
        let fault = match seat.fault.swap(FAULT_NONE, Ordering::AcqRel) {
            FAULT_NONE => continue,
            FAULT_ABORT => Fault::Abort,
            _ => Fault::Overflow,
        };
        if let Some(process) = seat.process() {
            // Not bounded: these have ended already.
            FROZEN.fetch_add(1, Ordering::AcqRel);
            Burial { seat, process, fault: Some(fault) }.hold();
        }
    }
}

/// The end of a process whose thread never runs again.
struct Burial {
    seat: &'static Seat,
    process: &'static Process,
    fault: Option<Fault>,
}

impl Burial {
    /// Who waits for it hears. The rest, which takes longer, is the reaper's.
    fn hold(self) {
        let Self { seat, process, fault } = self;
        IS_BURYING.set(true);
        let stack = seat.stack_high.load(Ordering::Relaxed).saturating_sub(seat.sp.load(Ordering::Relaxed)) as u64;
        let leaked = stack + process.shared.memory().max(0).unsigned_abs();
        LEAKED.fetch_add(leaked, Ordering::Relaxed);
        let pc = seat.pc.load(Ordering::Relaxed);
        if let Some(fault) = &fault {
            // A panic that led to an abort has said why.
            let text = format!("{} at {}", fault.name(), image::place_of(pc));
            let reason = Reason { code: EXIT_PANIC, detail: Some(text.into()) };
            process.fate.open(|books| books.reason.get_or_insert(reason).code);
        }
        seat.vacate();
        exit::end_frozen(process);
        IS_BURYING.set(false);
        EPITAPHS.lock().push(Epitaph { seat, process, fault, pc, leaked });
        ring();
    }
}

/// What is left to do when a process has been buried. The slot is not given to another, so it still tells who it was.
struct Epitaph {
    seat: &'static Seat,
    process: &'static Process,
    fault: Option<Fault>,
    pc: usize,
    leaked: u64,
}

impl Epitaph {
    fn write(self) {
        let Self { seat, process, fault, pc, leaked } = self;
        monitor::replace(seat);
        let killed = (LOG_WARN, "was killed and did not give way");
        let (level, what) = fault.as_ref().map_or(killed, |fault| (LOG_ERROR, fault.tell()));
        let message = format!(
            "{} ({}, {}) {what}, at {}; its thread is frozen, and {leaked} bytes are leaked",
            process.pid(),
            process.type_name(),
            process.image().version,
            image::place_of(pc)
        );
        log::host(level, "reaper", &message);
    }
}

impl Fault {
    fn name(&self) -> &'static str {
        match self {
            Self::Overflow => "stack overflow",
            Self::Abort => "aborted",
        }
    }

    fn tell(&self) -> &'static str {
        match self {
            Self::Overflow => "has overflowed its stack",
            Self::Abort => {
                "has aborted: a panic within a panic, or in a destructor while unwinding, or a call of abort"
            }
        }
    }
}

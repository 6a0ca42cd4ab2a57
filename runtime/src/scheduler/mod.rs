//! Schedulers: one a core, each with a run queue; they poll processes, wait for I/O and fire timers. A scheduler whose process does
//! not give way goes on on another thread (`monitor.rs`, `role.rs`).

mod clock;
mod current;
mod exit;
mod freeze;
mod idle;
mod info;
mod monitor;
mod observe;
mod phase;
mod progress;
mod queue;
mod reaper;
mod receiver;
mod role;
mod rotation;
mod sample;
mod seat;
mod signal;
mod sleep;
#[cfg(test)]
mod stress;
mod survey;
mod tenure;
mod thread;
pub(crate) mod trace;
mod waker;
mod worker;

pub(crate) use clock::{Rate, stamp, stamps_since};
pub(crate) use exit::{demonitor, kills, link, monitor, signal, unlink};
pub(crate) use idle::{stop, timer_started};
pub(crate) use info::{Activity, activity_of, cpu, info, is_busy, thread_times};
pub(crate) use monitor::{hand_off_refusals, hand_offs, long_runners};
pub(crate) use observe::Observer;
pub(crate) use progress::Progress;
pub(crate) use reaper::{frozen_threads, leaked_bytes};
pub(crate) use receiver::with_receiver;
pub(crate) use sample::{Sampled, Snapshot, own_stack, sample, sample_within, waits_here};
pub(crate) use seat::{InHost, cpu_time, in_plugin, process as current_process, stack_limit};
pub(crate) use survey::{Sighting, Survey};
pub(crate) use trace::{Event as TraceEvent, Happened, TRACES_MAX, Trace};
pub(crate) use waker::{PROCESS_WAKER, kill, wake};

use crate::image::Image;
use crate::process::{Birth, Pid, Priority, Process, table};
use crate::waker::Waker;
use plugin_abi::abi::ProcessFuture;
use role::{ROLES, Role};
use seat::Seat;
use std::io;
use std::num::NonZeroU64;
use std::sync::OnceLock;
use worker::Worker;

/// Starts `count` scheduler threads, of which `online` work, and their monitor, once.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn start(count: usize, online: usize) -> io::Result<()> {
    signal::install()?;
    reaper::start()?;
    let roles = ROLES.make(count.max(online));
    ROLES.set_online(online);
    for role in roles {
        start_thread(role, role.term(), |_| ())?;
    }
    monitor::start(roles)
}

/// A thread that takes the role over after that term, if nobody has, and runs until it loses it. `taken` is called with the seat of
/// the thread that held the role before, once it is taken.
fn start_thread(role: &'static Role, term: u64, taken: fn(Option<&'static Seat>)) -> io::Result<()> {
    let run = move || {
        let seat = seat::take();
        let Ok(before) = role.take_over(term, seat) else { return seat::leave() };
        taken(before);
        // The kernel may wake a thread late, by 50 µs as a rule: timers are to be as good as the clock.
        // Refused, it only makes sleepers a little later.
        let _: Result<(), _> = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        Worker::new(role, term + 1, seat).run();
    };
    std::thread::Builder::new().name(format!("scheduler-{}", role.number)).spawn(run).map(drop)
}

/// A thread that holds no role, runs one turn of a process that waits, and ends.
fn start_helper() -> io::Result<()> {
    let help = || {
        if let Some(process) = ROLES.take_any() {
            Worker::help(seat::take(), process);
        }
    };
    std::thread::Builder::new().name("scheduler-helper".to_owned()).spawn(help).map(drop)
}

/// How many schedulers there are.
pub(crate) fn count() -> usize {
    ROLES.count()
}

/// How many processes wait in each scheduler's queue, and in the common one.
pub(crate) fn run_queues() -> (Vec<usize>, usize) {
    ROLES.queue_lens()
}

/// How many of them are online.
pub(crate) fn online() -> usize {
    ROLES.online()
}

/// Sets how many are online. False: there are not so many, or none would be left.
pub(crate) fn set_online(count: usize) -> bool {
    let is_possible = ROLES.set_online(count);
    // Those that sleep and are no longer online do not take wake-ups that are meant for others.
    idle::wake_all();
    is_possible
}

/// A process that has been made and does not run yet.
#[must_use = "it never runs unless it is started"]
#[derive(Debug)]
pub(crate) struct Unstarted(Pid, &'static Process);

impl Unstarted {
    pub(crate) fn pid(&self) -> Pid {
        self.0
    }

    /// Puts it into a run queue.
    pub(crate) fn start(self) {
        enqueue(self.1);
    }

    /// The same, to run next on this scheduler, if it is one.
    pub(crate) fn start_next(self) {
        enqueue_next(self.1);
    }
}

/// Makes a process. `None`: the table is full, and the future still the caller's.
///
/// # Safety
/// `birth.future` is a valid future of `birth.image`, the caller's to give.
#[expect(unsafe_code, reason = "a future that crossed the ABI is given on")]
pub(crate) unsafe fn begin(birth: &Birth) -> Option<Unstarted> {
    // SAFETY: by the contract.
    let (pid, process) = unsafe { table::begin(birth) }?;
    Some(Unstarted(pid, process))
}

/// Called with each process that has suspended itself, once its turn is over: it is the callee's to resume.
static ON_SUSPENDED: OnceLock<fn(&'static Process)> = OnceLock::new();

/// Sets who moves processes, once.
pub(crate) fn set_mover(mover: fn(&'static Process)) {
    // A second one would be the same.
    let _: Result<(), _> = ON_SUSPENDED.set(mover);
}

fn suspended(process: &'static Process) {
    match ON_SUSPENDED.get() {
        Some(mover) => mover(process),
        None => resume(process),
    }
}

/// A suspended process goes on: next, on this scheduler, if it is one. For whoever moves it.
pub(crate) fn resume(process: &'static Process) {
    process.state.resume();
    enqueue_next(process);
}

fn enqueue_next(process: &'static Process) {
    match current::role() {
        Some(role) => {
            if role.queue.push_next(process) || current::role().is_none() {
                idle::notify();
            }
        }
        None => {
            ROLES.push(process);
            idle::notify();
        }
    }
}

/// Starts a process of the node's own making. `None`: the table is full, and the future still the caller's.
///
/// # Safety
/// `future` is a valid future of `image`, the caller's to give.
#[expect(unsafe_code, reason = "a future that crossed the ABI is given on")]
pub(crate) unsafe fn spawn(image: &'static Image, future: ProcessFuture) -> Option<Pid> {
    let birth = Birth { image, future, parent: None, priority: Priority::Normal, mailbox_limit: 0, born: stamp() };
    // SAFETY: by the contract.
    let process = unsafe { begin(&birth) }?;
    let pid = process.pid();
    process.start();
    Some(pid)
}

/// Puts a process that was just scheduled into a run queue.
pub(crate) fn enqueue(process: &'static Process) {
    match current::role() {
        Some(role) if process.priority() != Priority::Normal => {
            role.queue.push(process);
            idle::notify();
        }
        // Woken by a running process: it runs next, on this scheduler. If the role has been taken over just now, its new
        // holder may have looked at the slot already.
        Some(role) if current_process().is_some() => {
            if role.queue.push_next(process) || current::role().is_none() {
                idle::notify();
            }
        }
        Some(role) => {
            role.queue.push(process);
            idle::notify();
        }
        None => {
            ROLES.push(process);
            idle::notify();
        }
    }
}

/// Puts a process that gave way at the end of the queue, behind those that wait already.
fn enqueue_back(process: &'static Process) {
    if let Some(role) = current::role() {
        role.queue.push(process);
        if current::role().is_some() {
            // This thread takes it, at the latest.
            return;
        }
    } else {
        ROLES.push(process);
    }
    idle::notify();
}

/// Processes first, then messages that are due. What is not a process's own waker may run an application's code, which takes its time or never returns: to the
/// monitor that is a turn as any other, so that the scheduler's role goes on elsewhere meanwhile. It holds up those behind it.
fn wake_batch(woken: &mut Vec<Waker>) {
    let rank = |waker: &Waker| match waker {
        Waker::Task(task) if task.is_of(&PROCESS_WAKER) => 0,
        Waker::Call(_) => 1,
        Waker::Task(_) => 2,
    };
    if woken.iter().any(|waker| rank(waker) > 0) {
        woken.sort_by_key(rank);
    }
    for waker in woken.drain(..) {
        let _turn = if rank(&waker) == 0 { None } else { seat::own().map(seat::run_foreign) };
        waker.wake();
    }
}

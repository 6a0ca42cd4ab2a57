//! What the node knows of a process.

use super::clock::Rate;
use super::role::ROLES;
use super::seat::Seat;
use super::{clock, seat, thread};
use crate::process::{Handle, Pid, Priority};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    /// It waits to be woken.
    Waiting,
    /// It waits for a scheduler.
    Runnable,
    /// A scheduler polls it.
    Running,
    /// It does not give way, and goes on on a thread of its own.
    LongRunner,
    /// The same, until its turn comes.
    Paused,
    /// It moves to another image.
    Moving,
}

/// A process as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) image: u64,
    pub(crate) type_name: &'static str,
    pub(crate) polls: u64,
    /// With that of the poll that runs.
    pub(crate) cpu: Duration,
    /// The same, with all the time that the poll has taken, also asleep: what plugins are told, who ask whether it goes on.
    pub(crate) taken: Duration,
    pub(crate) received: u64,
    pub(crate) mailbox: u32,
    pub(crate) priority: Priority,
    pub(crate) memory: i64,
    pub(crate) activity: Activity,
    pub(crate) age: Duration,
}

/// Of a process that is referred to. Takes no lock that schedulers take, but those of threads that begin when it runs.
pub(crate) fn info(process: &Handle) -> Info {
    let seat = seat_of(process);
    Info {
        pid: process.pid(),
        parent: process.parent(),
        image: process.image().context.id,
        type_name: process.type_name(),
        polls: process.polls(),
        cpu: clock::duration(process.ticks()) + seat.map(Seat::turn_cpu).unwrap_or_default(),
        taken: clock::duration(process.ticks()) + seat.map(Seat::turn_time).unwrap_or_default(),
        received: process.mailbox.taken(),
        mailbox: process.mailbox.len(),
        priority: process.priority(),
        memory: process.shared.memory(),
        activity: activity(process, seat),
        age: clock::since(process.born()),
    }
}

/// Where it runs, if it does.
fn seat_of(process: &Handle) -> Option<&'static Seat> {
    if process.state.is_running() { seat::of(process.process()) } else { None }
}

/// What a process that is referred to does.
pub(crate) fn activity_of(process: &Handle) -> Activity {
    activity(process, seat_of(process))
}

/// The processor time of a process that is referred to, with that of the poll that runs: one of many things in [`Info`], for those who look at
/// a million.
pub(crate) fn cpu(process: &Handle, rate: Rate) -> Duration {
    rate.duration(process.ticks()) + seat_of(process).map(Seat::turn_cpu).unwrap_or_default()
}

/// Whether it runs or could.
pub(crate) fn is_busy(process: &Handle) -> bool {
    process.state.is_running() || process.state.is_scheduled()
}

impl Info {
    pub(crate) fn is_running(&self) -> bool {
        !matches!(self.activity, Activity::Waiting | Activity::Runnable)
    }
}

fn activity(process: &Handle, seat: Option<&'static Seat>) -> Activity {
    let is_running = process.state.is_running();
    match seat {
        Some(seat) if seat.phase.is_paused() => Activity::Paused,
        Some(seat) if seat.is_turn_long() && ROLES.held_by(seat).is_none() => Activity::LongRunner,
        Some(_) => Activity::Running,
        // Its turn ends just now, or whoever moves it has it.
        None if is_running && process.shared.is_asked() => Activity::Moving,
        None if is_running => Activity::Running,
        None if process.state.is_scheduled() => Activity::Runnable,
        None => Activity::Waiting,
    }
}

/// The scheduler threads that live, by the kernel's id, each with the processor time that it has used.
pub(crate) fn thread_times() -> Vec<(i32, Duration)> {
    let time = |seat: &Seat| {
        let thread = seat.thread.load(Ordering::Relaxed);
        Some((thread, thread::cpu_time(thread)?))
    };
    seat::all().into_iter().filter_map(time).collect()
}

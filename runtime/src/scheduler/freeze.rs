//! Stops a process that does not give way, where it is.
//!
//! Its thread is stopped by a signal and never runs again: that is sound, since nothing is freed that it could touch, and nobody
//! waits for it. It is left to run on when it stands where others depend on it: in the node's own code or in the allocator
//! (`Seat::host_depth`, `ProcessShared::busy`), or in code that is neither the plugin's own nor a system call that waits, such as
//! libc's `malloc` or the dynamic loader. Then the freezer comes back a little later.
//!
//! One that the rotation has paused is stopped already, in its plugin's own code.
//!
//! While a thread is stopped and the verdict is open, the freezer takes no lock and allocates nothing: the thread may hold what that needs.

use super::phase::{Ask, Phase};
use super::role::ROLES;
use super::seat::{self, Seat};
use super::{monitor, signal, thread};
use crate::image;
use crate::process::Process;
use rustix::thread::futex::{self, Timespec};
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// As a rule the thread runs on another processor and answers sooner than it takes to sleep and be woken. Whether it does is looked at so often.
const LOOK: Duration = Duration::from_micros(5);

/// What came of an attempt.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// It never runs again.
    Frozen,
    /// It stands where it must not be stopped, or its thread does not get a processor.
    Later,
    /// It is not running.
    NotRunning,
}

/// The seat of a process whose turn is so long that it may be frozen, by the monitor's judgement: by its processor time, or since it
/// sleeps in the kernel. `None`: it is not running, or not for long; then it may give way any moment.
pub(super) fn overdue(process: &'static Process) -> Option<&'static Seat> {
    // A thread that has lost its role has lost it since its turn was long.
    let seat = seat::of(process).filter(|seat| seat.is_turn_long() || ROLES.held_by(seat).is_none());
    // One that sleeps has been found long after less.
    seat.filter(|seat| seat.turn_time() >= monitor::SLICE)
}

/// Tries once, waiting for the thread for so long at the most. Whoever else tries at the same time is told [`Attempt::Later`].
pub(super) fn attempt(seat: &'static Seat, process: &'static Process, patience: Duration) -> Attempt {
    let is_its_own = || seat.process().is_some_and(|run| ptr::eq(run, process));
    if !is_its_own() {
        return Attempt::NotRunning;
    }
    match seat.phase.ask() {
        Ask::Refused => return Attempt::Later,
        Ask::Stopped => {}
        Ask::Asked => {
            let thread = seat.thread.load(Ordering::Relaxed);
            // A demoted one goes last; now it has something to do at once. Refused, it only takes longer.
            if seat.is_demoted() {
                thread::make_normal(thread);
            }
            if signal::send_stop(thread) {
                wait_for_answer(&seat.phase, thread, patience);
            }
            if seat.phase.withdraw() {
                return if is_its_own() { Attempt::Later } else { Attempt::NotRunning };
            }
        }
    }
    if seat.phase.is_stopped() && is_its_own() && may_stop_there(seat) {
        seat.phase.freeze();
        return Attempt::Frozen;
    }
    let is_running = is_its_own();
    seat.phase.release();
    // It waits only if it has stopped.
    let _: Result<usize, _> = futex::wake(seat.phase.word(), futex::Flags::PRIVATE, u32::MAX);
    if is_running { Attempt::Later } else { Attempt::NotRunning }
}

/// Until the thread has answered: awake as long as it has a processor. One that has none may need this one.
fn wait_for_answer(phase: &Phase, thread: i32, patience: Duration) {
    let until = Instant::now() + patience;
    let mut used = thread::cpu_time(thread);
    loop {
        let looked = Instant::now();
        while looked.elapsed() < LOOK {
            if phase.unanswered().is_none() {
                return;
            }
            std::hint::spin_loop();
        }
        let before = std::mem::replace(&mut used, thread::cpu_time(thread));
        if used == before || looked > until {
            break;
        }
    }
    while let Some(now) = phase.unanswered() {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(left) = Timespec::try_from(left) else { return };
        if left.tv_sec == 0 && left.tv_nsec == 0 {
            return;
        }
        // Woken, timed out or interrupted: looked at above.
        let _: Result<(), _> = futex::wait(phase.word(), futex::Flags::PRIVATE, now, Some(&left));
    }
}

/// Whether the place where the thread stands is the process's own affair.
fn may_stop_there(seat: &Seat) -> bool {
    let pc = seat.pc.load(Ordering::Relaxed);
    image::is_plugin_code(pc) || thread::waits_in_kernel(pc, seat.result.load(Ordering::Relaxed))
}

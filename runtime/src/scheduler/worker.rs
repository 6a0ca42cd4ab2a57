//! A scheduler: takes processes out of run queues and polls them, until the node stops.
//!
//! Where the next process comes from: own high priority, own `next` slot (whom the last poll woke; bounded turns in a row, so that two
//! that wake each other do not keep the rest waiting), own queue, the common queue, another scheduler's queue, low priority; then it
//! idles. Every [`TICKS`] polls, unless they took less than a look costs, and when the monitor says that a tick has passed, it looks at timers
//! and at I/O first, so that they do not starve; every [`TICKS`] polls one of the queues that come late has its turn first, so that none of those does.
//!
//! Who has work of its own steals none. So when a tick has passed it takes its part of what waits at another's: one process that always
//! has work would keep a scheduler for itself else, and one of high priority would wait behind whom the kernel has put off.
//!
//! A scheduler that is taken offline gives what is in its queue to the others and waits.

use super::clock::Turns;
use super::exit::{self, Ended};
use super::idle::{self, Searcher};
use super::monitor;
use super::role::{ROLES, Role};
use super::seat::{self, Seat};
use super::trace::{self, Happened};
use super::{clock, current, rotation, signal, suspended, wake_batch};
use crate::io::POLLER;
use crate::process::{Leave, Polled, Priority, Process, Run};
use crate::timer;
use crate::waker::Waker;
use std::time::Duration;

/// Polls between two looks at what comes from outside.
const TICKS: u32 = 61;
/// Turns in a row that may come from the `next` slot.
const NEXT_TURNS: u32 = 16;

/// See the file's head. Lives on its own thread.
#[derive(Debug)]
pub(super) struct Worker {
    role: &'static Role,
    term: u64,
    tick: u32,
    next_turns: u32,
    /// Counts ticks of the monitor: at whose queue it looks next.
    steps: usize,
    woken: Vec<Waker>,
    seat: &'static Seat,
    turns: Turns,
}

impl Worker {
    /// In a term of that role that this thread, in that seat, has begun.
    pub(super) fn new(role: &'static Role, term: u64, seat: &'static Seat) -> Self {
        signal::prepare_thread(seat.handler_stack());
        Self { role, term, tick: 0, next_turns: 0, steps: 0, woken: Vec::new(), seat, turns: Turns::new() }
    }

    /// Runs until the schedulers are told to stop, or the role is taken over.
    pub(super) fn run(mut self) {
        current::enter(self.role, self.term);
        while !idle::is_stopping() && self.role.is_held(self.term) {
            if self.role.number >= ROLES.online() {
                self.wait_offline();
            }
            self.tick = self.tick.wrapping_add(1);
            let is_due = self.role.is_look_due();
            if is_due {
                self.even_out();
            }
            if is_due || self.tick.is_multiple_of(TICKS) && self.turns.is_look_due() {
                self.look_outside();
                if !self.role.is_held(self.term) {
                    break;
                }
            }
            match self.take() {
                Some(process) => self.run_turn(process),
                None => self.idle(),
            }
        }
        if !self.role.is_held(self.term) {
            monitor::long_runner_ended(self.seat);
        }
        seat::leave();
        // A wake-up that this thread may have had is passed on.
        idle::notify();
    }

    /// Runs one turn of a process that was taken out of a queue, with no role, on a thread that ends then.
    pub(super) fn help(seat: &'static Seat, process: &'static Process) {
        signal::prepare_thread(seat.handler_stack());
        monitor::helper_began(seat);
        let mut turns = Turns::new();
        run_turn(seat, process, &mut turns);
        monitor::long_runner_ended(seat);
        seat::leave();
    }

    fn run_turn(&mut self, process: &'static Process) {
        run_turn(self.seat, process, &mut self.turns);
    }

    fn take(&mut self) -> Option<&'static Process> {
        let queue = &self.role.queue;
        let overdue = if self.tick.is_multiple_of(TICKS) { self.take_late() } else { None };
        if let Some(process) = overdue.or_else(|| queue.pop(Priority::High)) {
            return Some(process);
        }
        if self.next_turns < NEXT_TURNS
            && let Some(process) = queue.take_next()
        {
            self.next_turns += 1;
            return Some(process);
        }
        self.next_turns = 0;
        queue
            .pop(Priority::Normal)
            .or_else(|| queue.take_next())
            .or_else(|| ROLES.take_common())
            .or_else(|| queue.pop(Priority::Low))
    }

    /// One of the queues that come late, each in its turn.
    fn take_late(&self) -> Option<&'static Process> {
        let queue = &self.role.queue;
        match self.tick / TICKS % 4 {
            0 => queue.pop(Priority::Normal).or_else(|| queue.take_next()),
            1 => queue.pop(Priority::Low),
            2 => queue.take_next().or_else(|| queue.pop(Priority::Normal)),
            _ => ROLES.take_common(),
        }
    }

    fn wait_offline(&mut self) {
        while let Some(process) = self.role.queue.pop_any() {
            ROLES.push(process);
        }
        // A wake-up that this thread may have had is passed on.
        idle::notify();
        ROLES.wait_online(self.role.number, idle::is_stopping);
    }

    fn even_out(&mut self) {
        self.steps = self.steps.wrapping_add(1);
        if ROLES.even_out(self.role.number, self.steps) {
            // Whoever looked for work while it was in nobody's queue has seen none.
            idle::notify();
        }
    }

    /// I/O and timers, without waiting, unless somebody else is at it.
    fn look_outside(&mut self) {
        self.turns.pause();
        if self.role.is_rest_due() {
            std::thread::sleep(rotation::REST);
        }
        if timer::next() != timer::NEVER {
            timer::expire(timer::now(), &mut self.woken);
        }
        if let Some(_poll) = idle::try_poll() {
            POLLER.wait(Some(Duration::ZERO), &mut self.woken);
        }
        wake_batch(&mut self.woken);
    }

    /// Nothing of its own to do: looks at the others' queues, then waits.
    fn idle(&mut self) {
        self.turns.pause();
        let searcher = Searcher::begin();
        if let Some(process) = ROLES.steal(self.role.number) {
            searcher.found();
            return self.run_turn(process);
        }
        drop(searcher);
        idle::park(&mut self.woken);
        // It has rested.
        self.role.is_rest_due();
        monitor::wake();
        wake_batch(&mut self.woken);
    }
}

fn run_turn(seat: &'static Seat, process: &'static Process, turns: &mut Turns) {
    let begun = turns.begin();
    if run(seat, process, begun, turns) == Turn::Suspended {
        suspended(process);
    }
}

/// What a turn came to.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    Over,
    /// The process is whoever moves it's.
    Suspended,
}

/// One turn of a process.
#[expect(unsafe_code, reason = "only the scheduler that took a process out of a queue runs it")]
fn run(seat: &'static Seat, process: &'static Process, begun: u64, turns: &mut Turns) -> Turn {
    let _running = seat::run(seat, process, begun);
    // SAFETY: `process` was taken out of a run queue, so by `State`'s invariants this is its one runner, it is alive, and
    // its life reference is this runner's to give back; `ended` is the last thing that is done with it.
    unsafe {
        if process.state.run() == Run::Kill {
            exit::end(process, &Ended::Killed);
            return Turn::Over;
        }
        // The node's own processes run the node's own code.
        let is_own = process.image().context.id == 0;
        let polled = if is_own { process.poll() } else { seat::in_plugin(|| process.poll()) };
        let used = turns.end(begun);
        process.charge(used);
        if trace::is_on() {
            trace::note(process.pid(), || Happened::Polled(clock::duration(used), polled.name()));
        }
        let ended = match polled {
            Polled::Ready => Ended::Normally,
            Polled::Exited => Ended::ForReason,
            Polled::Killed => Ended::Killed,
            Polled::Suspended => return Turn::Suspended,
            Polled::Pending => match process.state.leave() {
                Leave::Idle => return Turn::Over,
                Leave::Enqueue => {
                    super::enqueue_back(process);
                    return Turn::Over;
                }
                Leave::Kill => Ended::Killed,
            },
        };
        exit::end(process, &ended);
        turns.pause();
    }
    Turn::Over
}

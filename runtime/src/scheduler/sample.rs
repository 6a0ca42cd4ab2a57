//! Where a process stands: its thread copies its own stack, in the handler of the stop signal, and goes on at once.
//!
//! ```text
//! free ─ ask (who samples) ─► asked ─ begin (the handler, on that thread) ─► writing ─► done ─ taken (who samples) ─► free
//!  ▲                            └ withdraw: no answer in time ─► free
//! ```
//!
//! A process that is polled is asked by signal; it may stand anywhere, in the node's own code or in an allocator: nothing but the copy is
//! made there, so nobody waits for the thread, and it waits for nobody. A process that waits, or only waits for its turn, is woken, and its poll is *traced*:
//! each time it leaves its waker somewhere, or wakes itself to give way, its thread sends the signal to itself. A poll that finds nothing new is allowed at any time by the
//! contract of futures. What the copies mean is found out elsewhere, from the copies alone.
//!
//! Invariants: one samples at a time (`SAMPLER`); a copy belongs to the handler while "writing" stands there; all copies have their room
//! from the beginning, and nothing is allocated. A thread that never answers keeps nothing: the question is taken back.

use super::seat::{self, Seat};
use super::{clock, current_process, rotation, signal, thread, wake};
use crate::process::{Handle, Process};
use parking_lot::Mutex;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// So many words of a stack are copied, from its end inwards: 64 KiB.
const STACK_LEN: usize = 8 * 1024;
/// So many places where one process waits are looked at.
pub(super) const PLACES: usize = 4;
/// A thread that does not get a processor for so long is not waited for any more.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the answer is looked for, after the first moments.
const LOOK: Duration = Duration::from_micros(200);

const FREE: u32 = 0;
const ASKED: u32 = 1;
const WRITING: u32 = 2;
const DONE: u32 = 3;

pub(super) static SAMPLER: Mutex<()> = Mutex::new(());
pub(super) static COPIES: [Copy; PLACES] = [const { Copy::new() }; PLACES];
/// The process whose poll is traced; null: none.
static TRACED: AtomicPtr<Process> = AtomicPtr::new(ptr::null_mut());

/// A copy of a stack, or room for one.
pub(super) struct Copy {
    state: AtomicU32,
    /// Who is asked.
    thread: AtomicI32,
    /// The process that ran there when the copy was made.
    process: AtomicPtr<Process>,
    pc: AtomicUsize,
    sp: AtomicUsize,
    fp: AtomicUsize,
    /// Words that were copied.
    len: AtomicUsize,
    /// Ticks that the copy took.
    took: AtomicU64,
    words: [AtomicUsize; STACK_LEN],
}

/// Where a thread stood: registers, and its stack from the stack pointer on.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) pc: usize,
    pub(crate) sp: usize,
    pub(crate) fp: usize,
    pub(crate) words: Vec<usize>,
    /// How long the copy has kept the thread, without the kernel's part of the signal.
    pub(crate) cost: Duration,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Sampled {
    /// It runs: there it stands.
    Running(Snapshot),
    /// It waits: there, each of them a place where it has left its waker.
    Waiting(Vec<Snapshot>),
    /// Its thread, or a scheduler for it, did not get to it in time.
    Late,
    /// It has ended.
    Ended,
}

impl Copy {
    const fn new() -> Self {
        Self {
            state: AtomicU32::new(FREE),
            thread: AtomicI32::new(0),
            process: AtomicPtr::new(ptr::null_mut()),
            pc: AtomicUsize::new(0),
            sp: AtomicUsize::new(0),
            fp: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
            took: AtomicU64::new(0),
            words: [const { AtomicUsize::new(0) }; STACK_LEN],
        }
    }

    fn step(&self, from: u32, to: u32) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// False: an earlier question has not been answered to the end.
    pub(super) fn ask(&self, thread: i32) -> bool {
        if self.state.load(Ordering::Acquire) != FREE {
            return false;
        }
        self.thread.store(thread, Ordering::Relaxed);
        self.step(FREE, ASKED)
    }

    /// Takes the question back. False: it has been answered, or is being.
    pub(super) fn withdraw(&self) -> bool {
        self.step(ASKED, FREE)
    }

    pub(super) fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) == DONE
    }

    /// Waits for the copy. False: there is none in time.
    fn wait(&self, patience: Duration) -> bool {
        let begun = Instant::now();
        while !self.is_done() {
            // One that has begun ends soon, once it has a processor.
            if begun.elapsed() > patience && self.withdraw() || begun.elapsed() > 2 * patience {
                return false;
            }
            if begun.elapsed() < LOOK { std::thread::yield_now() } else { std::thread::sleep(LOOK) }
        }
        true
    }

    /// Takes what is there, and makes room. `None`: nothing is.
    pub(super) fn take(&self) -> Option<(*mut Process, Snapshot)> {
        if !self.is_done() {
            return None;
        }
        let len = self.len.load(Ordering::Relaxed);
        let words = self.words[..len].iter().map(|word| word.load(Ordering::Relaxed)).collect();
        let snapshot = Snapshot {
            pc: self.pc.load(Ordering::Relaxed),
            sp: self.sp.load(Ordering::Relaxed),
            fp: self.fp.load(Ordering::Relaxed),
            words,
            cost: clock::duration(self.took.load(Ordering::Relaxed)),
        };
        let process = self.process.load(Ordering::Relaxed);
        self.step(DONE, FREE);
        Some((process, snapshot))
    }
}

/// What the handler knows of the interrupted thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registers {
    pub(super) pc: usize,
    pub(super) sp: usize,
    pub(super) fp: usize,
}

/// For the handler: if this thread is asked, it copies its stack. `word` reads a word of it, at an address from the stack pointer to the
/// stack's end.
pub(super) fn answer(seat: &Seat, registers: Registers, word: impl Fn(usize) -> usize) {
    let own = seat.thread.load(Ordering::Relaxed);
    let asked =
        |copy: &&Copy| copy.state.load(Ordering::Acquire) == ASKED && copy.thread.load(Ordering::Relaxed) == own;
    let Some(copy) = COPIES.iter().find(asked).filter(|copy| copy.step(ASKED, WRITING)) else { return };
    let begun = clock::ticks();
    let process = seat.process().map_or(ptr::null_mut(), |process| ptr::from_ref(process).cast_mut());
    copy.process.store(process, Ordering::Relaxed);
    copy.pc.store(registers.pc, Ordering::Relaxed);
    copy.sp.store(registers.sp, Ordering::Relaxed);
    copy.fp.store(registers.fp, Ordering::Relaxed);
    let mut len = 0;
    for (place, address) in copy.words.iter().zip(seat.words_from(registers.sp)) {
        place.store(word(address), Ordering::Relaxed);
        len += 1;
    }
    copy.len.store(len, Ordering::Relaxed);
    copy.took.store(clock::ticks().saturating_sub(begun), Ordering::Relaxed);
    copy.state.store(DONE, Ordering::Release);
}

/// Where a process stands now. Not for a scheduler's thread: it waits.
pub(crate) fn sample(process: &Handle) -> Sampled {
    let _one = SAMPLER.lock();
    sample_for(process, PATIENCE)
}

/// The same, for so long at the most.
pub(crate) fn sample_within(process: &Handle, patience: Duration) -> Sampled {
    let begun = Instant::now();
    match SAMPLER.try_lock_for(patience) {
        Some(_one) => sample_for(process, patience.saturating_sub(begun.elapsed())),
        None => Sampled::Late,
    }
}

/// For whoever holds `SAMPLER`.
fn sample_for(process: &Handle, patience: Duration) -> Sampled {
    forget_late_ones();
    let until = Instant::now() + patience;
    while Instant::now() < until {
        if !process.state.is_alive() {
            return Sampled::Ended;
        }
        let seat = if process.state.is_running() { seat::of(process.process()) } else { None };
        let found = match seat {
            Some(seat) => sample_running(process.process(), seat, patience).map(Sampled::Running),
            None if process.state.is_running() => None,
            None => sample_waiting(process.process(), patience),
        };
        match found {
            Some(found) => return found,
            // It has begun or ended a turn just now.
            None => std::thread::sleep(LOOK),
        }
    }
    if process.state.is_alive() { Sampled::Late } else { Sampled::Ended }
}

/// Where the calling thread stands. `None`: it runs no processes, or somebody else is being looked at just now.
pub(crate) fn own_stack() -> Option<Snapshot> {
    let _one = SAMPLER.try_lock()?;
    forget_late_ones();
    let thread = seat::own()?.thread.load(Ordering::Relaxed);
    let copy = &COPIES[0];
    if !copy.ask(thread) {
        return None;
    }
    signal::send_stop(thread);
    // Delivered before the call returns, unless somebody has blocked signals here: then nobody answers.
    copy.withdraw();
    copy.take().map(|(_, snapshot)| snapshot)
}

/// Makes room where a copy came after nobody waited for it any more. For whoever holds `SAMPLER`.
pub(super) fn forget_late_ones() {
    COPIES.iter().for_each(|copy| drop(copy.take()));
}

fn sample_running(process: &'static Process, seat: &'static Seat, patience: Duration) -> Option<Snapshot> {
    let thread = seat.thread.load(Ordering::Relaxed);
    let copy = &COPIES[0];
    if !copy.ask(thread) {
        return None;
    }
    // One that is paused answers when it goes on; and one that goes last may wait for long for a processor.
    let is_demoted = seat.is_demoted();
    if is_demoted {
        thread::make_normal(thread);
        rotation::let_go(seat);
    }
    if !signal::send_stop(thread) {
        copy.withdraw();
        return None;
    }
    let is_there = copy.wait(patience);
    if is_demoted && seat.is_demoted() && seat.thread.load(Ordering::Relaxed) == thread {
        thread::make_idle(thread);
    }
    let (ran, snapshot) = if is_there { copy.take()? } else { return None };
    ptr::eq(ran, process).then_some(snapshot)
}

/// Has a process that waits polled once. `None`: it does something else by now.
fn sample_waiting(process: &'static Process, patience: Duration) -> Option<Sampled> {
    let _tracing = Tracing::begin(process);
    let (polls, begun) = (process.polls(), Instant::now());
    wake(process);
    while process.polls() == polls || process.state.is_running() {
        if !process.state.is_alive() {
            return Some(Sampled::Ended);
        }
        if begun.elapsed() > patience {
            return Some(Sampled::Late);
        }
        // It has gone on, and is busy.
        if begun.elapsed() > patience / 20 && process.state.is_running() {
            return None;
        }
        std::thread::sleep(LOOK);
    }
    let places = COPIES.iter().filter_map(Copy::take).filter(|(ran, _)| ptr::eq(*ran, process));
    Some(Sampled::Waiting(places.map(|(_, snapshot)| snapshot).collect()))
}

/// Until dropped, the polls of that process are traced.
struct Tracing(&'static Process);

impl Tracing {
    fn begin(process: &'static Process) -> Self {
        forget_late_ones();
        process.shared.set_traced(true);
        TRACED.store(ptr::from_ref(process).cast_mut(), Ordering::Release);
        Self(process)
    }
}

impl Drop for Tracing {
    fn drop(&mut self) {
        TRACED.store(ptr::null_mut(), Ordering::Release);
        self.0.shared.set_traced(false);
    }
}

/// The current process is about to wait for something, from here.
pub(crate) fn waits_here() {
    if !TRACED.load(Ordering::Relaxed).is_null() {
        note_wait();
    }
}

/// Somebody wakes that process, from here. One that wakes itself only gives way: that is where it stands.
pub(super) fn wakes_here(woken: &'static Process) {
    if ptr::eq(TRACED.load(Ordering::Relaxed), woken) {
        note_wait();
    }
}

#[cold]
fn note_wait() {
    let traced = TRACED.load(Ordering::Acquire);
    let Some(seat) = seat::own().filter(|_| current_process().is_some_and(|own| ptr::eq(own, traced))) else { return };
    let thread = seat.thread.load(Ordering::Relaxed);
    if let Some(copy) = COPIES.iter().find(|copy| copy.ask(thread)) {
        signal::send_stop(thread);
        // Delivered before the call returns, unless somebody has blocked signals here: then nobody answers.
        copy.withdraw();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered_once_or_taken_back() {
        let copy = Box::new(Copy::new());
        assert!(copy.ask(7) && !copy.ask(8), "one at a time");
        assert!(copy.take().is_none(), "not yet");
        assert!(copy.withdraw(), "taken back");
        assert!(copy.ask(8) && copy.step(ASKED, WRITING));
        assert!(!copy.withdraw(), "too late to take it back");
        copy.state.store(DONE, Ordering::Release);
        assert!(copy.wait(PATIENCE) && copy.take().is_some() && copy.ask(9));
    }
}

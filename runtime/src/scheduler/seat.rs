//! A scheduler thread's seat: which process it runs, since when, and whether it may be stopped where it is.
//!
//! ```text
//! free ─ take (a thread begins) ─► taken ─ leave (the thread ends) ─► free
//!                                    └ frozen: the thread never runs again, and its seat is not given to another
//! ```
//!
//! A seat is never freed, so that a handler and a freezer may look at it at any time. `host_depth` is the thread's own: it is 0 while
//! code of a plugin runs that was not called back by the node, and above 0 everywhere else; a handler runs on that thread, between two
//! instructions, so it sees it as it is. A thread is stopped only at depth 0, so it holds no lock of the node.

use super::phase::Phase;
use super::receiver::Receiver;
use super::{clock, signal, thread};
use crate::process::Process;
use parking_lot::Mutex;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, compiler_fence,
};
use std::time::Duration;

/// What a handler found that ends a process by itself.
pub(super) const FAULT_NONE: u32 = 0;
/// Its stack is used up.
pub(super) const FAULT_OVERFLOW: u32 = 1;
/// It has called `abort`.
pub(super) const FAULT_ABORT: u32 = 2;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Seat {
    /// The kernel's id of the thread; 0: free.
    pub(super) thread: AtomicI32,
    process: AtomicPtr<Process>,
    /// Counts beginnings and ends of turns: odd while a process runs, or foreign code of nobody's.
    turn: AtomicU64,
    /// The turn that the monitor has found to be long.
    long_turn: AtomicU64,
    /// The thread's processor time, in nanoseconds, when that turn was seen first.
    long_cpu: AtomicU64,
    host_depth: AtomicU32,
    /// When the turn began that runs, in ticks.
    since: AtomicU64,
    /// The thread is `SCHED_IDLE`, since its process runs long.
    is_demoted: AtomicBool,
    pub(super) phase: Phase,
    pub(super) fault: AtomicU32,
    /// Where the thread was stopped.
    pub(super) pc: AtomicUsize,
    /// Its stack pointer there.
    pub(super) sp: AtomicUsize,
    /// Its result register there: of a system call that it was in.
    pub(super) result: AtomicUsize,
    /// The stack: lowest address that may be used, and the end of it.
    pub(super) stack_low: AtomicUsize,
    pub(super) stack_high: AtomicUsize,
    /// Whom the thread resumes when it pauses.
    successor: AtomicPtr<Self>,
    pub(super) receiver: Receiver,
    handler_stack: &'static [AtomicU32],
}

/// What the node's own code, and allocators, may need of a stack.
const STACK_RESERVE: usize = 64 * 1024;

/// All seats that were ever made.
static SEATS: Mutex<Vec<&'static Seat>> = Mutex::new(Vec::new());

thread_local! {
    static SEAT: Cell<Option<&'static Seat>> = const { Cell::new(None) };
}

impl Seat {
    fn new() -> Self {
        Self {
            thread: AtomicI32::new(0),
            process: AtomicPtr::new(ptr::null_mut()),
            turn: AtomicU64::new(0),
            long_turn: AtomicU64::new(0),
            long_cpu: AtomicU64::new(0),
            host_depth: AtomicU32::new(1),
            since: AtomicU64::new(0),
            is_demoted: AtomicBool::new(false),
            phase: Phase::new(),
            fault: AtomicU32::new(FAULT_NONE),
            pc: AtomicUsize::new(0),
            sp: AtomicUsize::new(0),
            result: AtomicUsize::new(0),
            stack_low: AtomicUsize::new(0),
            stack_high: AtomicUsize::new(0),
            successor: AtomicPtr::new(ptr::null_mut()),
            receiver: Receiver::default(),
            handler_stack: signal::make_stack(),
        }
    }

    /// The process that the thread runs.
    #[expect(unsafe_code, reason = "a reference through an atomic pointer")]
    pub(super) fn process(&self) -> Option<&'static Process> {
        // SAFETY: only `run` writes it, from a `&'static Process`.
        unsafe { self.process.load(Ordering::Acquire).as_ref() }
    }

    /// Below this address there is not enough stack left to call the node, or an allocator. 0: not known.
    pub(super) fn stack_limit(&self) -> usize {
        match self.stack_low.load(Ordering::Relaxed) {
            0 => 0,
            low => low + STACK_RESERVE,
        }
    }

    fn is_stack_low(&self) -> bool {
        let (here, low) = (0_u8, self.stack_low.load(Ordering::Relaxed));
        // A stack that the process has made for itself is elsewhere, and its own affair.
        (low..low + STACK_RESERVE).contains(&(&raw const here).addr()) && self.process().is_some()
    }

    /// For handlers on this thread.
    pub(super) fn handler_stack(&self) -> &'static [AtomicU32] {
        self.handler_stack
    }

    /// Its process has ended, and its thread never runs again.
    pub(super) fn vacate(&self) {
        self.receiver.let_go();
        self.process.store(ptr::null_mut(), Ordering::Release);
    }

    /// True when the thread may not be stopped. For the handler on that thread.
    pub(super) fn is_in_host(&self) -> bool {
        self.host_depth.load(Ordering::Relaxed) > 0
    }

    /// The addresses of the words of its stack from that stack pointer to the stack's end: none if that is not on this stack. For signal handlers.
    pub(super) fn words_from(&self, sp: usize) -> impl Iterator<Item = usize> {
        let (low, high) = (self.stack_low.load(Ordering::Relaxed), self.stack_high.load(Ordering::Relaxed));
        let is_on_it = sp >= low && sp.is_multiple_of(size_of::<usize>());
        let stack = if is_on_it { sp..high } else { 0..0 };
        stack.step_by(size_of::<usize>())
    }

    /// Whether the thread goes last, until it ends.
    pub(super) fn is_demoted(&self) -> bool {
        self.is_demoted.load(Ordering::Relaxed)
    }

    /// From now on the thread goes last.
    pub(super) fn demote(&self) {
        thread::make_idle(self.thread.load(Ordering::Relaxed));
        self.is_demoted.store(true, Ordering::Relaxed);
    }

    /// When it pauses, that one goes on.
    pub(super) fn set_successor(&self, successor: Option<&'static Self>) {
        let successor = successor.map_or(ptr::null_mut(), |seat| ptr::from_ref(seat).cast_mut());
        self.successor.store(successor, Ordering::Release);
    }

    /// Who goes on now; asked once. For the handler on that thread.
    #[expect(unsafe_code, reason = "a reference through an atomic pointer")]
    pub(super) fn take_successor(&self) -> Option<&'static Self> {
        // SAFETY: only `set_successor` writes it, from a `&'static Self`.
        unsafe { self.successor.swap(ptr::null_mut(), Ordering::Acquire).as_ref() }
    }

    /// Odd while a turn runs; another one in each turn.
    pub(super) fn turn(&self) -> u64 {
        self.turn.load(Ordering::Relaxed)
    }

    /// The monitor has found that turn to be long; when it saw it first, the thread had used so much.
    pub(super) fn set_long(&self, turn: u64, cpu: Duration) {
        self.long_cpu.store(nanoseconds(cpu), Ordering::Relaxed);
        self.long_turn.store(turn, Ordering::Release);
    }

    /// Whether the turn that runs is long, as far as the monitor has found.
    pub(super) fn is_turn_long(&self) -> bool {
        let turn = self.turn();
        turn % 2 == 1 && self.long_turn.load(Ordering::Acquire) == turn
    }

    /// The next turn begins, or the one that runs ends. For the thread itself.
    fn step_turn(&self) {
        self.turn.store(self.turn() + 1, Ordering::Relaxed);
    }

    /// The processor time of the turn that runs: of a long one by the thread's own clock, else the time that it has taken.
    pub(super) fn turn_cpu(&self) -> Duration {
        let took = self.turn_time();
        if !self.is_turn_long() {
            return took;
        }
        let used = thread::cpu_time(self.thread.load(Ordering::Relaxed)).unwrap_or_default();
        used.saturating_sub(Duration::from_nanos(self.long_cpu.load(Ordering::Relaxed))).min(took)
    }

    /// How long the turn that runs has taken.
    pub(super) fn turn_time(&self) -> Duration {
        clock::duration(clock::ticks().saturating_sub(self.since.load(Ordering::Relaxed)))
    }
}

/// This thread's seat. For handlers, too.
pub(super) fn own() -> Option<&'static Seat> {
    SEAT.try_with(Cell::get).ok().flatten()
}

/// Gives this thread a seat, until [`leave`].
pub(super) fn take() -> &'static Seat {
    let mut seats = SEATS.lock();
    let free = seats.iter().find(|seat| seat.thread.load(Ordering::Relaxed) == 0).copied();
    let seat = free.unwrap_or_else(|| {
        let seat: &'static Seat = Box::leak(Box::new(Seat::new()));
        seats.push(seat);
        seat
    });
    let (low, high) = thread::stack();
    seat.stack_low.store(low, Ordering::Relaxed);
    seat.stack_high.store(high, Ordering::Relaxed);
    seat.is_demoted.store(false, Ordering::Relaxed);
    seat.thread.store(thread::own_id(), Ordering::Release);
    drop(seats);
    SEAT.set(Some(seat));
    seat
}

/// Processor time of threads that have left, in nanoseconds.
static LEFT_CPU: AtomicU64 = AtomicU64::new(0);

/// Processor time of all scheduler threads, also of those that have ended.
pub(crate) fn cpu_time() -> Duration {
    // What was said last: a thread that leaves just now is in neither sum, and time does not go back.
    static SAID: AtomicU64 = AtomicU64::new(0);
    let left = LEFT_CPU.load(Ordering::Acquire);
    let used = all().into_iter().filter_map(|seat| thread::cpu_time(seat.thread.load(Ordering::Relaxed)));
    let used = nanoseconds(used.sum()).saturating_add(left);
    Duration::from_nanos(SAID.fetch_max(used, Ordering::Relaxed).max(used))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// This thread ends.
pub(super) fn leave() {
    if let Some(seat) = SEAT.take() {
        let used = thread::cpu_time(thread::own_id()).unwrap_or_default();
        LEFT_CPU.fetch_add(nanoseconds(used), Ordering::Release);
        // A signal that is under way to this thread must not find the stack that the next one has.
        signal::release_stack();
        seat.thread.store(0, Ordering::Release);
    }
}

/// The seats of all threads that live.
pub(super) fn all() -> Vec<&'static Seat> {
    SEATS.lock().iter().filter(|seat| seat.thread.load(Ordering::Relaxed) != 0).copied().collect()
}

/// The seat whose thread runs that process.
pub(super) fn of(process: &'static Process) -> Option<&'static Seat> {
    let is_wanted = |seat: &&&'static Seat| seat.process().is_some_and(|run| ptr::eq(run, process));
    SEATS.lock().iter().find(is_wanted).copied()
}

/// The process that this thread runs.
pub(crate) fn process() -> Option<&'static Process> {
    own()?.process()
}

/// Below this address, this thread has not enough stack left to call the node or an allocator. 0: not known.
pub(crate) fn stack_limit() -> usize {
    own().map_or(0, Seat::stack_limit)
}

/// Until dropped, this thread is in a turn.
#[must_use]
#[derive(Debug)]
pub(super) struct Running(&'static Seat);

/// A turn of that process, which began at that tick.
pub(super) fn run(seat: &'static Seat, process: &'static Process, since: u64) -> Running {
    seat.since.store(since, Ordering::Relaxed);
    seat.process.store(ptr::from_ref(process).cast_mut(), Ordering::Release);
    seat.step_turn();
    Running(seat)
}

/// Until dropped, this thread runs an application's code that is no process's.
pub(super) fn run_foreign(seat: &'static Seat) -> Running {
    seat.since.store(clock::ticks(), Ordering::Relaxed);
    seat.step_turn();
    Running(seat)
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.receiver.let_go();
        self.0.step_turn();
        self.0.process.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Calls into a plugin: until it returns, the thread may be stopped.
pub(crate) fn in_plugin<R>(act: impl FnOnce() -> R) -> R {
    struct Back(Option<&'static Seat>, u32);
    impl Drop for Back {
        fn drop(&mut self) {
            compiler_fence(Ordering::SeqCst);
            if let Some(seat) = self.0 {
                seat.host_depth.store(self.1, Ordering::Relaxed);
            }
        }
    }
    let seat = own();
    let _back = Back(seat, seat.map_or(0, |seat| seat.host_depth.load(Ordering::Relaxed)));
    if let Some(seat) = seat {
        seat.host_depth.store(0, Ordering::Relaxed);
    }
    compiler_fence(Ordering::SeqCst);
    act()
}

/// Until dropped, this thread is in the node's own code: it is not stopped.
#[must_use]
#[derive(Debug)]
pub(crate) struct InHost(Option<&'static Seat>);

impl InHost {
    pub(crate) fn enter() -> Self {
        let seat = own();
        if let Some(seat) = seat {
            let depth = seat.host_depth.load(Ordering::Relaxed);
            if depth == 0 && seat.is_stack_low() {
                // Here no lock is held; further in, one may be when the stack ends.
                signal::end_for_overflow(seat);
            }
            seat.host_depth.store(depth + 1, Ordering::Relaxed);
        }
        compiler_fence(Ordering::SeqCst);
        Self(seat)
    }
}

impl Drop for InHost {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        if let Some(seat) = self.0 {
            seat.host_depth.store(seat.host_depth.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
        }
    }
}

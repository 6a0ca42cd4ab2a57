//! The rotation of long runners: of those that use up processor time, as many are runnable as schedulers are online. The others are
//! paused where they are, by the signal that also stops killed ones, and each has its turn.
//!
//! ```text
//! demoted (monitor.rs) ─► running ── a slice is over, and others wait ─► asked to pause ─► paused, its successor resumed ─► … ─► running
//!                            │  ▲ sleeps in the kernel: keeps no other from its turn, and is left alone
//!                            │  └ stands where it must not be stopped: goes on, and is asked again each tick
//!                            └ its poll returned, or it was frozen: left the rotation
//! ```
//!
//! Why: beside a hundred runnable threads, even under `SCHED_IDLE`, the kernel wakes others up to milliseconds late.
//!
//! Turns. A runner has its turn after all that wait, one [`SLICE`] each, to the next tick: so after about `runners /
//! schedulers online` of them (100 spinners on 2 schedulers: 0.55 s). One that cannot be paused holds up the others for another
//! slice each time. Who pauses resumes its successor itself, in the signal's handler: a processor is not idle for a tick, and no runner
//! is woken by the monitor on a processor where a scheduler waits to run next, whom the kernel would put after it until
//! something else happens there. Whoever waits for a lock that a paused one holds waits no longer than that for each turn which the holder needs.
//! One that was killed, and may end at a checkpoint, is resumed at once. One that sleeps in the kernel costs nothing and is left alone.
//!
//! Share. Runners go after everybody else. When they had less than [`REST`] for each that could run in a [`PERIOD`], since the schedulers
//! were busy, each scheduler rests for that long in the next one, one after the other: so they get about a sixteenth of
//! each processor, as far as other programs on the machine leave it to them. It needs no privilege, as taking `SCHED_IDLE` back would.
//!
//! Invariants: only the monitor's thread asks; what is listed is a thread that lives, or is frozen, with the process it was demoted
//! for: it leaves the list by itself, before its seat. Who is resumed late, or by two, does no harm: each tick counts those as running
//! that do not wait.

use super::role::{ROLES, Role};
use super::seat::Seat;
use super::{signal, thread};
use parking_lot::Mutex;
use rustix::thread::futex;
use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SLICE: Duration = Duration::from_millis(10);
/// So many are asked to pause in a tick.
const ASKS_MAX: usize = 32;
const PERIOD: Duration = Duration::from_millis(8);
/// See the file's head: a sixteenth of [`PERIOD`].
pub(super) const REST: Duration = Duration::from_micros(500);

static ROTATION: Mutex<Rotation> = Mutex::new(Rotation::new());
/// How many are listed, for those who do not want to wait for the lock.
static LEN: AtomicUsize = AtomicUsize::new(0);

/// How many long runners take turns.
pub(super) fn len() -> usize {
    LEN.load(Ordering::Relaxed)
}

/// A long runner takes part from now on.
pub(super) fn enter(seat: &'static Seat) {
    let mut rotation = ROTATION.lock();
    rotation.running.push(Runner::new(seat));
    LEN.fetch_add(1, Ordering::Relaxed);
}

/// It takes part no more: its thread ends, or never runs again.
pub(super) fn leave(seat: &'static Seat) {
    let mut rotation = ROTATION.lock();
    let before = rotation.len();
    rotation.running.retain(|runner| !ptr::eq(runner.seat, seat));
    rotation.waiting.retain(|waiting| !ptr::eq(waiting.seat, seat));
    LEN.fetch_sub(before - rotation.len(), Ordering::Relaxed);
    // Nobody asks it any more; it may have been asked just now.
    resume(seat);
}

/// One that was killed comes to its next checkpoint; it may be about to pause.
pub(super) fn let_go(seat: &'static Seat) {
    let mut rotation = ROTATION.lock();
    if let Some(place) = rotation.waiting.iter().position(|waiting| ptr::eq(waiting.seat, seat))
        && let Some(waiting) = rotation.waiting.remove(place)
    {
        rotation.running.push(waiting.begin());
    }
    resume(seat);
}

/// Once a tick. True: nobody waits for a turn.
pub(super) fn tick(roles: &'static [Role]) -> bool {
    if len() == 0 {
        return true;
    }
    let mut rotation = ROTATION.lock();
    rotation.sort();
    rotation.end_slices();
    rotation.begin_slices();
    rotation.measure();
    rotation.ask_for_rests(roles);
    rotation.surplus() == 0
}

/// It goes on, if it is paused. For handlers, too.
pub(super) fn resume(seat: &Seat) {
    if seat.phase.resume() {
        // Whoever waits on the word waits in the handler.
        let _: Result<usize, _> = futex::wake(seat.phase.word(), futex::Flags::PRIVATE, u32::MAX);
    }
}

/// A long runner.
#[derive(Debug)]
struct Runner {
    seat: &'static Seat,
    /// When its slice began, unless it waits.
    since: Instant,
    /// Its processor time when it was measured last.
    cpu: Duration,
    /// It slept in the kernel when it was looked at last.
    is_asleep: bool,
}

impl Runner {
    fn new(seat: &'static Seat) -> Self {
        Self { seat, since: Instant::now(), cpu: cpu_time(seat), is_asleep: false }
    }

    /// Its slice begins.
    fn begin(self) -> Self {
        Self { since: Instant::now(), ..self }
    }

    fn is_over(&self, slice: Duration) -> bool {
        self.since.elapsed() >= slice
    }

    fn is_killed(&self) -> bool {
        self.seat.process().is_some_and(|process| process.state.is_killed())
    }

    /// What it has used since this was asked last. Who has used something does not sleep all the time.
    fn used(&mut self) -> Duration {
        let now = cpu_time(self.seat);
        let used = now.saturating_sub(self.cpu);
        self.cpu = now;
        self.is_asleep &= used.is_zero();
        used
    }
}

fn cpu_time(seat: &Seat) -> Duration {
    thread::cpu_time(seat.thread.load(Ordering::Relaxed)).unwrap_or_default()
}

/// See the file's head.
#[derive(Debug)]
struct Rotation {
    /// In the order in which they began.
    running: Vec<Runner>,
    /// Paused, in the order in which they have their turns.
    waiting: VecDeque<Runner>,
    /// When the period began that lasts, and what the runners have used in it.
    period: Option<(Instant, Duration)>,
    /// The first so many schedulers are still to rest.
    rests: usize,
}

impl Rotation {
    const fn new() -> Self {
        Self { running: Vec::new(), waiting: VecDeque::new(), period: None, rests: 0 }
    }

    fn len(&self) -> usize {
        self.running.len() + self.waiting.len()
    }

    fn awake(&self) -> usize {
        self.running.iter().filter(|runner| !runner.is_asleep).count()
    }

    /// How many have to wait.
    fn surplus(&self) -> usize {
        (self.awake() + self.waiting.len()).saturating_sub(ROLES.online())
    }

    /// By what they have become: some have paused, and have resumed others.
    fn sort(&mut self) {
        let mut used = Duration::ZERO;
        for mut runner in self.running.extract_if(.., |runner| runner.seat.phase.is_paused()) {
            used += runner.used();
            self.waiting.push_back(runner);
        }
        self.count(used);
        for _ in 0..self.waiting.len() {
            let Some(runner) = self.waiting.pop_front() else { return };
            if runner.seat.phase.is_paused() {
                self.waiting.push_back(runner);
            } else {
                self.running.push(runner.begin());
            }
        }
    }

    fn count(&mut self, used: Duration) {
        if let Some((_, all)) = &mut self.period {
            *all += used;
        }
    }

    /// Asks those to pause whose slice is over, as many as have to wait, the oldest first.
    fn end_slices(&mut self) {
        let mut asks = self.surplus().min(ASKS_MAX);
        let mut too_many = self.awake().saturating_sub(ROLES.online());
        let mut successors = self.waiting.iter().map(|runner| runner.seat);
        for runner in self.running.iter_mut().filter(|runner| !runner.is_asleep && runner.is_over(SLICE)) {
            if asks == 0 {
                return;
            }
            let thread = runner.seat.thread.load(Ordering::Relaxed);
            // A signal would break off what it waits for; and it costs nobody anything.
            runner.is_asleep = thread::is_blocked(thread);
            if !runner.is_asleep && !runner.is_killed() {
                asks -= 1;
                runner.seat.set_successor(if too_many > 0 { None } else { successors.next() });
                too_many = too_many.saturating_sub(1);
                // One that was asked before, and has not come to answer, has its signal already.
                if runner.seat.phase.ask_pause() && !signal::send_stop(thread) {
                    resume(runner.seat);
                }
            }
        }
    }

    fn begin_slices(&mut self) {
        // One that cannot be paused for so long does not keep others from their turns.
        let counts = |runner: &&Runner| !runner.is_asleep && !runner.is_over(2 * SLICE);
        let free = ROLES.online().saturating_sub(self.running.iter().filter(counts).count());
        for runner in self.waiting.drain(..free.min(self.waiting.len())) {
            resume(runner.seat);
            self.running.push(runner.begin());
        }
    }

    /// At the end of a period: had they what is theirs?
    fn measure(&mut self) {
        let Some((begun, used)) = self.period else {
            self.period = Some((Instant::now(), Duration::ZERO));
            return;
        };
        let took = begun.elapsed();
        if took < PERIOD {
            return;
        }
        let used = used + self.running.iter_mut().map(Runner::used).sum::<Duration>();
        let runners = self.awake().min(ROLES.online());
        // One that took far longer says nothing: the monitor slept.
        if took < 2 * PERIOD && used < REST * u32::try_from(runners).unwrap_or(u32::MAX) {
            self.rests = ROLES.online();
        }
        self.period = Some((Instant::now(), Duration::ZERO));
    }

    /// One after the other, so that not all are away at once.
    fn ask_for_rests(&mut self, roles: &'static [Role]) {
        let ticks = PERIOD.as_millis() as usize;
        for _ in 0..roles.len().div_ceil(ticks) {
            let Some(rests) = self.rests.checked_sub(1) else { return };
            self.rests = rests;
            if let Some(role) = roles.get(rests) {
                role.ask_for_rest();
            }
        }
    }
}

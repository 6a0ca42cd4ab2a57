//! Many moves at once: who is asked when, and how long one waits for whom.
//!
//! At the first fault nobody else is asked, and those that are under way are given up: they go on where they were, so that when [`Batch::run`] returns nobody
//! is suspended, and no helper is left at work. Each wait is bounded by [`Limits`], and so are all of them together.

use super::helper;
use super::single::{Move, Outcome, Phase, Want};
use super::{book, pauses};
use crate::image::Image;
use crate::process::{Handle, Pid, table};
use crate::protocol::Pauses;
use crate::scheduler;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// How often those that are under way are looked at.
const TICK: Duration = Duration::from_millis(1);

/// How much a process may take for its move, and all of them together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Time to its next boundary.
    pub(crate) boundary: Duration,
    /// Time to restore its state.
    pub(crate) conversion: Duration,
    /// Bytes allocated for that, by all that are restored at a time.
    pub(crate) memory: i64,
    /// So many processes move at a time.
    pub(crate) at_a_time: usize,
    /// Time for all of them, if they stand still until all can go on.
    pub(crate) barrier: Duration,
    /// Time for all of them, if they move one by one, or are rehearsed.
    pub(crate) total: Duration,
}

impl Limits {
    /// How long one process is waited for: until it gives its state, until a helper begins with it, and until that is done.
    pub(crate) fn each(&self) -> Duration {
        self.boundary * 2 + self.conversion
    }

    /// The same, but all that is left of the time is what is left until then.
    pub(crate) fn until(self, until: Instant) -> Self {
        Self { total: until.saturating_duration_since(Instant::now()), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            boundary: Duration::from_secs(5),
            conversion: Duration::from_secs(2),
            memory: 1 << 30,
            at_a_time: 32,
            barrier: Duration::from_secs(10),
            // A million processes take seconds.
            total: Duration::from_secs(300),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.state, self.pid, self.reason)
    }
}

/// A process that can move, its state's name, and the version of it that both images know.
pub(super) type Mover = (Handle, &'static str, u32);

/// Why not all could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) pid: Pid,
    /// Its state's name.
    pub(crate) state: &'static str,
    pub(crate) reason: String,
}

/// Moves processes to an image.
#[derive(Debug)]
pub(crate) struct Batch {
    to: &'static Image,
    limits: Limits,
    bell: Arc<Bell>,
    queue: Vec<Mover>,
    under_way: Vec<Arc<Move>>,
    begun: Instant,
    moved: Vec<Pid>,
    pauses: Vec<Duration>,
    fault: Option<Fault>,
}

/// What has become of a batch.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// They run on the new image; or were rehearsed.
    pub(crate) moved: Vec<Pid>,
    pub(crate) pauses: Vec<Duration>,
    pub(crate) fault: Option<Fault>,
}

/// Rung by moves that have come to something; wakes the batch's thread when so many have. It also knows how many more of them may be restored as soon
/// as they stand, without being told to by that thread.
#[derive(Debug)]
pub(super) struct Bell {
    rung: AtomicUsize,
    places: AtomicUsize,
    /// The count at which somebody is to be woken.
    awaited: AtomicUsize,
    thread: Thread,
}

impl Bell {
    /// The current thread's.
    pub(super) fn new(places: usize) -> Self {
        let [rung, awaited] = [0, 0].map(AtomicUsize::new);
        Self { rung, places: AtomicUsize::new(places), awaited, thread: std::thread::current() }
    }

    /// True: whoever asks may have a helper at work, and [gives the place back](Self::leave_place) when that is done.
    pub(super) fn take_place(&self) -> bool {
        self.places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |places| places.checked_sub(1)).is_ok()
    }

    pub(super) fn leave_place(&self) {
        self.places.fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was rung.
    pub(super) fn seen(&self) -> usize {
        self.rung.load(Ordering::SeqCst)
    }

    pub(super) fn ring(&self) {
        let rung = self.rung.fetch_add(1, Ordering::SeqCst) + 1;
        if rung == self.awaited.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
    }

    /// Waits until half of so many have rung, for a tick at the most.
    pub(super) fn wait(&self, seen: usize, waiting: usize) {
        let awaited = seen + waiting.div_ceil(2);
        self.awaited.store(awaited, Ordering::SeqCst);
        if self.seen() < awaited {
            std::thread::park_timeout(TICK);
        }
    }
}

impl Batch {
    /// Of all processes that can move to that image, and are not there.
    pub(crate) fn to(image: &'static Image, limits: Limits) -> Self {
        Self::of(image, movers(image), limits)
    }

    /// Of one process, which is to do something where it is.
    pub(crate) fn one(process: Handle, limits: Limits) -> Self {
        let image = process.image();
        let queue = process.state_type().map(|(name, version)| (process, name, version));
        Self::of(image, queue.into_iter().collect(), limits)
    }

    fn of(image: &'static Image, queue: Vec<Mover>, limits: Limits) -> Self {
        Self {
            to: image,
            limits,
            bell: Arc::new(Bell::new(0)),
            queue,
            under_way: Vec::new(),
            begun: Instant::now(),
            moved: Vec::new(),
            pauses: Vec::new(),
            fault: None,
        }
    }

    /// Nobody is to move.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Moves them, or rehearses that.
    pub(crate) fn run(mut self, want: Want) -> Report {
        loop {
            let seen = self.bell.seen();
            self.look();
            while self.fault.is_none()
                && self.under_way.len() < self.limits.at_a_time
                && let Some(mover) = self.queue.pop()
            {
                self.under_way.push(ask(mover, self.to, want, &self.bell));
            }
            if self.under_way.is_empty() {
                break;
            }
            self.bell.wait(seen, self.under_way.len());
        }
        Report { moved: self.moved, pauses: self.pauses, fault: self.fault }
    }

    /// Looks at those that are under way.
    fn look(&mut self) {
        let limits = self.limits;
        watch_memory(&self.under_way, limits);
        for moving in std::mem::take(&mut self.under_way) {
            watch(&moving, limits);
            match moving.outcome() {
                Some(outcome) => {
                    book::leave(&moving);
                    self.enter(&moving, outcome);
                }
                None => self.under_way.push(moving),
            }
        }
        if let Some(late) = self.under_way.first().filter(|_| self.begun.elapsed() > limits.total) {
            let reason = format!("not all were done in {:.0?}", limits.total);
            self.fault.get_or_insert(Fault { pid: late.pid, state: late.state, reason });
        }
        if self.fault.is_some() {
            self.under_way.iter().for_each(|moving| helper::give_up(moving, "another one cannot move"));
        }
    }

    fn enter(&mut self, moving: &Move, outcome: Outcome) {
        let reason = match outcome {
            Outcome::Done(pause) => {
                self.moved.push(moving.pid);
                self.pauses.extend(pause);
                return;
            }
            Outcome::Ended => return,
            Outcome::Late if moving.want.is_of_state() => {
                format!("it did not come to a boundary in {:?}", self.limits.boundary)
            }
            Outcome::Late => format!("it was not done in {:?}", self.limits.boundary),
            Outcome::Failed(reason) => reason,
        };
        self.fault.get_or_insert(Fault { pid: moving.pid, state: moving.state, reason });
    }
}

impl Report {
    /// Of several batches, one after the other.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.moved.extend(other.moved);
        self.pauses.extend(other.pauses);
        self.fault = self.fault.or(other.fault);
        self
    }

    /// How long they stood still.
    pub(crate) fn pauses(&self) -> Pauses {
        pauses::summary(self.pauses.clone())
    }
}

/// All processes of its plugin that can move to that image, and are not there.
pub(super) fn movers(image: &'static Image) -> Vec<Mover> {
    let mut versions = HashMap::new();
    let movers = table::all().filter_map(|process| {
        if process.image().plugin != image.plugin || std::ptr::eq(process.image(), image) {
            return None;
        }
        let (name, own) = process.state_type()?;
        let theirs = *versions.entry(name).or_insert_with(|| image.state_version(name));
        // The one of the two that has the higher version knows the other's.
        (theirs > 0).then(|| (process, name, own.min(theirs)))
    });
    movers.collect()
}

/// Asks a process for what is wanted.
pub(super) fn ask((process, state, version): Mover, to: &'static Image, want: Want, bell: &Arc<Bell>) -> Arc<Move> {
    let moving = Arc::new(Move {
        pid: process.pid(),
        from: process.image(),
        process,
        state,
        version,
        to,
        want,
        asked: Instant::now(),
        held: OnceLock::new(),
        phase: Mutex::new(Phase::Asked),
        bell: Arc::clone(bell),
    });
    book::enter(&moving);
    moving
}

/// What comes next in a move.
enum Next {
    /// Its process comes to a boundary.
    Boundary,
    /// A helper begins with the state that was given then.
    Conversion(Instant),
    /// The helper, which has begun then, is done.
    End(Instant, Option<Pid>),
    /// It waits for the others, and all of them together not for long; or for nobody.
    Others,
}

fn next(moving: &Move) -> Next {
    match &*moving.phase.lock() {
        Phase::Asked => Next::Boundary,
        Phase::Standing { is_left: true, .. } => Next::Others,
        Phase::Written { at, .. } | Phase::Standing { at, .. } => Next::Conversion(*at),
        Phase::Given { since, helper, .. } => Next::End(*since, *helper),
        Phase::Ready { .. } | Phase::Placed { .. } | Phase::Over(_) => Next::Others,
    }
}

/// Ends a move that has taken too long, or whose process or helper is gone.
pub(super) fn watch(moving: &Move, limits: Limits) {
    match next(moving) {
        Next::Boundary => watch_asked(moving, limits),
        Next::Conversion(since) if since.elapsed() > limits.boundary => {
            // Whoever was to begin was killed, or is held up.
            helper::fail(moving, &format!("its conversion has not begun in {:?}", limits.boundary));
        }
        Next::End(since, helper) => watch_helper(moving, since, helper, limits),
        Next::Conversion(_) | Next::Others => {}
    }
}

fn watch_helper(moving: &Move, since: Instant, helper: Option<Pid>, limits: Limits) {
    let Some(helper) = helper.and_then(table::find).filter(|helper| helper.state.is_alive()) else {
        return helper::fail(moving, "the conversion ended its process: the log says how");
    };
    let reason = if since.elapsed() > limits.conversion {
        format!("the conversion takes longer than {:?}", limits.conversion)
    } else {
        return;
    };
    // It has a copy: whether it can be stopped or not, the process does without it.
    scheduler::kill(helper.process());
    helper::fail(moving, &reason);
}

/// Ends the largest of the conversions that are under way, if all of them together have taken too much memory.
pub(super) fn watch_memory(moves: &[Arc<Move>], limits: Limits) {
    let used = moves.iter().filter_map(|moving| Some((helper_of(moving)?.shared.memory(), moving)));
    let used: Vec<_> = used.collect();
    if used.iter().map(|(memory, _)| memory).sum::<i64>() <= limits.memory {
        return;
    }
    if let Some((_, largest)) = used.into_iter().max_by_key(|(memory, _)| *memory) {
        let most = limits.memory >> 20;
        helper::give_up(largest, &format!("the conversion takes, with those beside it, more than {most} MiB"));
    }
}

fn helper_of(moving: &Move) -> Option<Handle> {
    match &*moving.phase.lock() {
        Phase::Given { helper, .. } => helper.and_then(table::find),
        _ => None,
    }
}

fn watch_asked(moving: &Move, limits: Limits) {
    let outcome = if !moving.process.state.is_alive() {
        Outcome::Ended
    } else if moving.asked.elapsed() > limits.boundary {
        Outcome::Late
    } else {
        return;
    };
    moving.turn(|phase| match phase {
        Phase::Asked => Ok(Phase::Over(outcome)),
        other => Err(other),
    });
}

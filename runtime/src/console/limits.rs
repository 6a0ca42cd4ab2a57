//! How far an evaluation may go.
//!
//! A session holds [`MEMORY_MAX`] bytes, and what one operation allocates beyond: each is followed by a look at what the session's thread holds. The sizes of
//! single values, by which an operation is bounded, do not add up to that: a function has variables of its own at each level, and the names in a map
//! count as nothing there. With as many consoles as a node serves, that is 1.5 GB; while a value is made ready to be shown, as much again.

use crate::memory;
use crate::observe::Pace;
use rhai::{Dynamic, Engine};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As long as the client does not ask for less.
pub(super) const TIME_MAX: Duration = Duration::from_secs(60);
const OPERATIONS_MAX: u64 = 1_000_000_000;
const CALLS_MAX: usize = 48;
const VARIABLES_MAX: usize = 64;
const FUNCTIONS_MAX: usize = 256;
const STRING_LEN_MAX: usize = 1 << 20;
const MEMORY_MAX: isize = 32 << 20;
const ARRAY_LEN_MAX: usize = 20_000;
const MAP_LEN_MAX: usize = 40_000;

/// What an evaluation is terminated with when it holds too much.
pub(super) const TOO_LARGE: &str = "memory";

/// When an evaluation has to end, and who may say so before.
#[derive(Clone, Debug)]
pub(super) struct Leash {
    interrupted: Arc<AtomicBool>,
    until: Rc<RefCell<Instant>>,
    pace: Rc<RefCell<Pace>>,
    /// Bytes that the thread held when the session began.
    held: isize,
}

impl Leash {
    pub(super) fn new(interrupted: Arc<AtomicBool>) -> Self {
        let (until, pace) = (RefCell::new(Instant::now()), RefCell::new(Pace::of_evaluation()));
        Self { interrupted, until: Rc::new(until), pace: Rc::new(pace), held: memory::held() }
    }

    /// Another evaluation begins.
    pub(super) fn begin(&self, time: Duration) {
        *self.until.borrow_mut() = Instant::now() + time.min(TIME_MAX);
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Lets other sessions evaluate.
    pub(super) fn rest(&self) {
        self.pace.borrow_mut().rest();
    }

    /// Does what takes its time, while other sessions evaluate.
    pub(super) fn aside<R>(&self, act: impl FnOnce() -> R) -> R {
        self.rest();
        act()
    }

    /// Whether the session holds more than it may.
    pub(super) fn is_too_large(&self) -> bool {
        memory::held() - self.held > MEMORY_MAX
    }

    /// Whether it may go on.
    pub(super) fn holds(&self) -> bool {
        !self.is_interrupted() && Instant::now() < *self.until.borrow()
    }
}

/// An engine that ends evaluations in time, and takes nothing from outside but what it is given.
pub(super) fn engine(leash: &Leash) -> Engine {
    let mut engine = Engine::new();
    engine
        .set_max_operations(OPERATIONS_MAX)
        .set_max_call_levels(CALLS_MAX)
        .set_max_variables(VARIABLES_MAX)
        .set_max_functions(FUNCTIONS_MAX)
        .set_max_modules(0)
        .set_max_string_size(STRING_LEN_MAX)
        .set_max_array_size(ARRAY_LEN_MAX)
        .set_max_map_size(MAP_LEN_MAX)
        .disable_symbol("import")
        .disable_symbol("eval");
    let leash = leash.clone();
    engine.on_progress(move |operations| {
        leash.pace.borrow_mut().step();
        if leash.is_too_large() {
            return Some(TOO_LARGE.into());
        }
        let is_over = operations.is_multiple_of(64) && !leash.holds();
        is_over.then_some(Dynamic::UNIT)
    });
    engine
}

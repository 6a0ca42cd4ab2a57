//! Work in short steps, so that a scheduler that shares the processor with it is not kept waiting.

use std::time::{Duration, Instant};

/// A step, and the pause after it: the kernel lets the one go first that has slept.
const STEP: Duration = Duration::from_micros(500);
const PAUSE: Duration = Duration::from_micros(150);
/// The clock is looked at once in so many pieces of work.
const LOOK: u32 = 64;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Pace {
    begun: Instant,
    pieces: u32,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), pieces: 0 }
    }

    /// After each piece of work of a microsecond or less.
    pub(crate) fn step(&mut self) {
        self.pieces = self.pieces.wrapping_add(1);
        if self.pieces.is_multiple_of(LOOK) && self.begun.elapsed() >= STEP {
            std::thread::sleep(PAUSE);
            self.begun = Instant::now();
        }
    }
}

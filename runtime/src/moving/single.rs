//! One process's move, and its phase.

use super::batch::Bell;
use super::helper::Restored;
use crate::image::Image;
use crate::process::{Encoded, Handle, Pid};
use parking_lot::Mutex;
use plugin_abi::abi::{WANT_COPY, WANT_SETTLE, WANT_START, WANT_STATE};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// What a process is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A copy of its state, which is restored, and written and restored again the way back, to see whether that can be done.
    Copy,
    /// To move.
    Move,
    /// To move when all others can, too: see [`barrier`](super::barrier).
    Cross,
    /// The root process of an application, to start what its image has added to the tree.
    Start,
    /// The same one, to stop what its image does not have.
    Settle,
}

impl Want {
    /// `WANT_*`.
    pub(super) fn to_abi(self) -> u32 {
        match self {
            Self::Copy => WANT_COPY,
            Self::Move | Self::Cross => WANT_STATE,
            Self::Start => WANT_START,
            Self::Settle => WANT_SETTLE,
        }
    }

    /// Whether a state is given.
    pub(super) fn is_of_state(self) -> bool {
        matches!(self, Self::Copy) || self.suspends()
    }

    /// Whether the process stands still from when it has given its state until somebody has it go on.
    pub(super) fn suspends(self) -> bool {
        matches!(self, Self::Move | Self::Cross)
    }
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) process: Handle,
    pub(super) pid: Pid,
    /// Its state's name.
    pub(super) state: &'static str,
    /// The version in which it is to be written, which both images know.
    pub(super) version: u32,
    pub(super) from: &'static Image,
    pub(super) to: &'static Image,
    pub(super) want: Want,
    pub(super) asked: Instant,
    /// When it came to its boundary, and began to write its state: it stands still from then on.
    pub(super) held: OnceLock<Instant>,
    pub(super) phase: Mutex<Phase>,
    pub(super) bell: Arc<Bell>,
}

/// Where a move is. See the picture in `mod.rs`.
#[derive(Debug)]
pub(super) enum Phase {
    Asked,
    /// It has given its state; `at` is since when it was held. A copy waits for its helper, any other one for the end of its process's turn.
    Written {
        at: Instant,
        bytes: Encoded,
    },
    /// Its turn is over, and it stands until its helper begins.
    Standing {
        at: Instant,
        bytes: Encoded,
        /// At a barrier: so many others were at work that it has no helper until all others stand, too.
        is_left: bool,
    },
    Given {
        at: Instant,
        /// When the helper began.
        since: Instant,
        helper: Option<Pid>,
    },
    /// At a barrier: it can go on there when all others can.
    Ready {
        at: Instant,
        restored: Restored,
    },
    /// It is on its other image, and its helper has it go on there now.
    Placed {
        at: Instant,
    },
    Over(Outcome),
}

/// How a move ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// As wanted. How long the process stood still: from when it began to write its state until it could be run again; nothing for a copy.
    Done(Option<Duration>),
    /// The process ended first: nothing to move.
    Ended,
    /// It did not come to a boundary in time.
    Late,
    /// Its state cannot be written or restored: why.
    Failed(String),
}

impl Move {
    /// Changes the phase, if `change` gives another one; true then. The phase before is dropped unlocked.
    pub(super) fn turn(&self, change: impl FnOnce(Phase) -> Result<Phase, Phase>) -> bool {
        let mut phase = self.phase.lock();
        // What stands there while it changes, nobody sees.
        match change(std::mem::replace(&mut *phase, Phase::Over(Outcome::Ended))) {
            Ok(next) => {
                let is_news = matches!(next, Phase::Ready { .. } | Phase::Over(_));
                *phase = next;
                drop(phase);
                if is_news {
                    self.bell.ring();
                }
                true
            }
            Err(same) => {
                *phase = same;
                false
            }
        }
    }

    /// How it ended, if it has.
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match &*self.phase.lock() {
            Phase::Over(outcome) => Some(outcome.clone()),
            _ => None,
        }
    }
}

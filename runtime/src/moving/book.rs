//! Which processes are asked to move: where they, at a boundary, and their scheduler, after their turn, find out what is wanted.

use super::helper;
use super::single::{Move, Outcome, Phase, Want};
use crate::process::{Encoded, Pid, Process};
use crate::scheduler;
use parking_lot::Mutex;
use plugin_abi::abi::WANT_NOTHING;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

const SHARDS: usize = 16;

type Shard = Mutex<HashMap<Pid, Arc<Move>>>;

static BOOK: LazyLock<[Shard; SHARDS]> = LazyLock::new(Default::default);

fn shard(pid: Pid) -> &'static Shard {
    &BOOK[pid.slot() as usize % SHARDS]
}

/// Enters a move, and asks its process, which has no other.
pub(super) fn enter(moving: &Arc<Move>) {
    let mut shard = shard(moving.pid).lock();
    shard.insert(moving.pid, Arc::clone(moving));
    moving.process.shared.set_asked(true);
    drop(shard);
    scheduler::wake(moving.process.process());
}

/// Takes a move out that is over.
pub(super) fn leave(moving: &Move) {
    shard(moving.pid).lock().remove(&moving.pid);
    moving.process.shared.set_asked(false);
}

fn find(process: &Process) -> Option<Arc<Move>> {
    let pid = process.pid();
    shard(pid).lock().get(&pid).cloned()
}

/// What is wanted of the current process, which stands at a boundary: `WANT_*`, and in which version.
pub(crate) fn wanted(process: &'static Process) -> (u32, u32) {
    process.shared.set_asked(false);
    match find(process) {
        Some(moving) if matches!(*moving.phase.lock(), Phase::Asked) => {
            moving.held.get_or_init(Instant::now);
            (moving.want.to_abi(), moving.version)
        }
        _ => (WANT_NOTHING, 0),
    }
}

/// The current process gives what was wanted, or why it cannot. False: it is not wanted any more.
pub(crate) fn give(process: &'static Process, state: Result<Encoded, String>) -> bool {
    let Some(moving) = find(process) else { return false };
    let is_copy = moving.want == Want::Copy;
    let is_of_state = moving.want.is_of_state();
    let at = *moving.held.get_or_init(Instant::now);
    let is_taken = moving.turn(|phase| match (phase, state) {
        (Phase::Asked, state) if !is_of_state => {
            Ok(Phase::Over(state.map_or_else(Outcome::Failed, |_| Outcome::Done(None))))
        }
        (Phase::Asked, Ok(bytes)) => Ok(Phase::Written { at, bytes }),
        (Phase::Asked, Err(reason)) => {
            Ok(Phase::Over(Outcome::Failed(format!("its state cannot be written: {reason}"))))
        }
        (other, _) => Err(other),
    });
    if is_taken && is_copy {
        helper::restore(&moving);
    }
    is_taken
}

/// The turn of a process that has given its state is over.
pub(super) fn suspended(process: &'static Process) {
    // The move was given up before its turn was over.
    let Some(moving) = find(process) else { return scheduler::resume(process) };
    let is_left = moving.want == Want::Cross && !moving.bell.take_place();
    let stands = moving.turn(|phase| match phase {
        Phase::Written { at, bytes } => Ok(Phase::Standing { at, bytes, is_left }),
        other => Err(other),
    });
    match (stands, is_left) {
        (true, true) => moving.bell.ring(),
        (true, false) => helper::restore(&moving),
        (false, _) => {
            if moving.want == Want::Cross && !is_left {
                moving.bell.leave_place();
            }
            scheduler::resume(process);
        }
    }
}

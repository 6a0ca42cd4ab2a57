//! Resident bytes of an idle process with an empty mailbox, over a million of them: beside an Erlang process, and beside a tokio
//! task with an empty channel.

use super::report::{Better, Measurement};
use super::rounds::alternate;
use super::side::{Side, Sides, Which};
use anyhow::{Result, ensure};
use std::time::Duration;
use system_tests::peer;

const PROCESSES: u32 = 1_000_000;
const ROUNDS: u32 = 3;
/// So many are spawned at once.
const BATCH: u32 = 10_000;

/// Measures.
pub(super) fn run(sides: &Sides) -> Result<Vec<Measurement>> {
    let erlang = alternate(ROUNDS, |which| idle(&mut sides.start(which)?))?;
    let tokio = alternate(ROUNDS, |which| match which {
        Which::Ours => idle(&mut sides.start(which)?),
        Which::Peer => {
            let (before, after) = peer::idle(PROCESSES)?;
            Ok(each(bytes(before), bytes(after)))
        }
    })?;
    Ok(vec![
        Measurement::new("idle_memory", "B", Better::Less, &erlang),
        Measurement::new("idle_memory tokio", "B", Better::Less, &tokio),
    ])
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a machine's memory are far below 2^52")]
fn bytes(bytes: u64) -> f64 {
    bytes as f64
}

fn each(before: f64, after: f64) -> f64 {
    (after - before) / f64::from(PROCESSES)
}

fn idle(side: &mut Side) -> Result<f64> {
    // What the first ones cost once and for all is not a process's.
    spawn(side, 1_000)?;
    let before = side.resident_bytes()?;
    for _ in 0..PROCESSES / BATCH {
        spawn(side, BATCH)?;
    }
    Ok(each(before, side.resident_bytes()?))
}

fn spawn(side: &mut Side, number: u32) -> Result<()> {
    let spawned = side.ask(&format!("idle {number}"))?;
    ensure!(spawned == [f64::from(number)], "{spawned:?} of {number} processes were spawned");
    // The last ones have not run yet: until they have, they are not idle.
    std::thread::sleep(Duration::from_millis(10));
    Ok(())
}

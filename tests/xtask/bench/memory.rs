//! Resident bytes of an idle process with an empty mailbox, over a million of them: beside an Erlang process, and beside a tokio
//! task with an empty channel; and over ten million of ours, which Erlang does not have memory for.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Beside, Side, Sides, Which};
use anyhow::{Result, ensure};

const PROCESSES: u32 = 1_000_000;
/// Alive at once.
const OURS_ALIVE: u32 = 10_000_000;
const ROUNDS: u32 = 3;
/// So many are spawned at once.
const BATCH: u32 = 10_000;

/// Measures a million.
pub(super) fn idle(name: &str, sides: &Sides, beside: Beside) -> Result<Vec<Measurement>> {
    let rounds = alternate(ROUNDS, |which| have(&mut sides.start_beside(beside, which)?, PROCESSES))?;
    Ok(vec![Measurement::new(name, "B", Better::Less, &pick(&rounds, |[bytes, _]| *bytes))])
}

/// Measures ten million of ours, beside a million of Erlang's: ten would take more memory than most machines have.
pub(super) fn alive(sides: &Sides) -> Result<Vec<Measurement>> {
    let number = |which| if which == Which::Ours { OURS_ALIVE } else { PROCESSES };
    let rounds = alternate(ROUNDS, |which| have(&mut sides.start(which)?, number(which)))?;
    let seconds_a_million = pick(&rounds, |[_, seconds]| seconds * 1e6);
    Ok(vec![
        Measurement::new("alive_10m", "B", Better::Less, &pick(&rounds, |[bytes, _]| *bytes)),
        Measurement::new("alive_10m started", "s/million", Better::Less, &seconds_a_million),
    ])
}

/// Has so many at once: resident bytes of each, and seconds that each took to start.
fn have(side: &mut Side, number: u32) -> Result<[f64; 2]> {
    // What the first ones cost once and for all is not a process's.
    start(side, 1_000)?;
    let (before, mut seconds) = (side.resident_bytes()?, 0.0);
    for _ in 0..number / BATCH {
        seconds += start(side, BATCH)?;
    }
    let bytes = side.resident_bytes()? - before;
    Ok([bytes, seconds].map(|all| all / f64::from(number)))
}

/// Starts so many: the seconds until all of them are idle.
fn start(side: &mut Side, number: u32) -> Result<f64> {
    let started = side.ask(&format!("idle {number}"))?;
    ensure!(
        started.len() == 2 && started[0].total_cmp(&f64::from(number)).is_eq(),
        "{started:?} of {number} processes"
    );
    Ok(started[1])
}

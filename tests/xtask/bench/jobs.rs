//! Jobs by the thousand, each with a turn a second: what a system takes for them, and whether it keeps up.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Side, Sides};
use anyhow::{Result, ensure};
use std::time::Instant;

/// Of a million, whose start takes minutes, one.
const ROUNDS: [(u32, u32); 2] = [(1_000_000, 1), (0, 3)];
/// What was begun has come to rest.
const SETTLED_MS: u32 = 3000;
const MEASURED_MS: u32 = 10_000;

/// What a side takes.
#[derive(Debug)]
struct Taken {
    bytes: f64,
    processor_percent: f64,
    done: f64,
}

/// Measures.
pub(super) fn run(name: &str, number: u32, sides: &Sides) -> Result<Vec<Measurement>> {
    let rounds = ROUNDS.into_iter().find(|(from, _)| number >= *from).map_or(1, |(_, rounds)| rounds);
    let rounds = alternate(rounds, |which| jobs(&mut sides.start(which)?, number))?;
    let measured = |what: &str, unit: &str, better, quantity: fn(&Taken) -> f64| {
        Measurement::new(format!("{name} {what}"), unit, better, &pick(&rounds, quantity))
    };
    Ok(vec![
        measured("memory", "B", Better::Less, |taken| taken.bytes),
        measured("processor", "%", Better::Less, |taken| taken.processor_percent),
        measured("done", "/s", Better::More, |taken| taken.done),
    ])
}

fn jobs(side: &mut Side, number: u32) -> Result<Taken> {
    let started = side.ask(&format!("jobs {number}"))?;
    ensure!(started == [f64::from(number)], "{started:?} of {number} jobs were started");
    side.ask(&format!("jobs_done {SETTLED_MS}"))?;
    let (before, begun) = (side.processor_seconds()?, Instant::now());
    let done = side.ask(&format!("jobs_done {MEASURED_MS}"))?;
    let (used, time) = (side.processor_seconds()? - before, begun.elapsed());
    let [done] = done[..] else { anyhow::bail!("{done:?} is not one number") };
    let processor_percent = used / time.as_secs_f64() * 100.0;
    Ok(Taken { bytes: side.resident_bytes()?, processor_percent, done })
}

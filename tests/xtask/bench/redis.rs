//! Requests a second over 50 TCP connections, driven by redis-benchmark. A command of Redis's protocol is an array, and an
//! array is a valid reply too: so an echo server can be driven by it as well.
//!
//! The server's processor time a request tells what the rate does not where redis-benchmark itself is the slower one.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Beside, Side, Sides, Which};
use crate::shell::read;
use anyhow::{Context, Result};
use std::process::Command;

const CONNECTIONS: u32 = 50;
const ROUNDS: u32 = 5;

/// What redis-benchmark says: requests a second, and the 99th percentile of latency in milliseconds.
type Said = [f64; 2];

/// Measures an echo.
pub(super) fn echo(name: &str, sides: &Sides, beside: Beside) -> Result<Vec<Measurement>> {
    run(name, [sides.start_beside(beside, Which::Ours)?, sides.start_beside(beside, Which::Peer)?], "echo", 1, 200_000)
}

/// Measures PING with so many commands in flight on each connection.
pub(super) fn ping(name: &str, sides: &Sides, pipelined: u32, requests: u32) -> Result<Vec<Measurement>> {
    run(name, [sides.start(Which::Ours)?, sides.start(Which::Peer)?], "ping", pipelined, requests)
}

fn run(name: &str, sides: [Side; 2], listener: &str, pipelined: u32, requests: u32) -> Result<Vec<Measurement>> {
    let [ours, peer] = sides;
    let rounds = alternate(ROUNDS, |which| {
        let side = if which == Which::Ours { &ours } else { &peer };
        // The first requests find everything cold.
        drive(side, listener, pipelined, requests / 20)?;
        let before = side.processor_seconds()?;
        let [rate, p99] = drive(side, listener, pipelined, requests)?;
        Ok([rate, p99, (side.processor_seconds()? - before) * 1e6 / f64::from(requests)])
    })?;
    let measurement = |name: String, unit, better, index: usize| {
        Measurement::new(name, unit, better, &pick(&rounds, |said| said[index]))
    };
    Ok(vec![
        measurement(name.to_owned(), "1/s", Better::More, 0),
        measurement(format!("{name} p99"), "ms", Better::Less, 1),
        measurement(format!("{name} server's processor time"), "µs", Better::Less, 2),
    ])
}

fn drive(side: &Side, listener: &str, pipelined: u32, requests: u32) -> Result<Said> {
    let mut command = Command::new("redis-benchmark");
    command.args(["-t", "ping_mbulk", "--csv", "-p", &side.listener(listener)?.port().to_string()]);
    command.args(["-c", &CONNECTIONS.to_string(), "-P", &pipelined.to_string(), "-n", &requests.to_string()]);
    let said = read(&mut command)?;
    parse(&said).with_context(|| format!("redis-benchmark said something else: {said}"))
}

/// The last line: name, requests a second, latencies in milliseconds: average, least, p50, p95, p99, greatest.
fn parse(said: &str) -> Option<Said> {
    let line = said.lines().rev().find(|line| line.starts_with("\"PING"))?;
    let number = |index| line.split(',').nth(index)?.trim_matches('"').parse::<f64>().ok();
    Some([number(1)?, number(6)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_benchmark_says_is_read() {
        let said = "\"test\",\"rps\"\n\"PING_MBULK\",\"24096.39\",\"1.489\",\"0.008\",\"0.911\",\"4.855\",\"9.295\",\"51.423\"\n";
        assert_eq!(parse(said), Some([24096.39, 9.295]));
    }
}

//! Resident bytes of an idle TCP connection with the process that serves it; at three numbers of connections, to see that
//! nothing grows faster than their number.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Side, Sides};
use anyhow::{Context, Result, bail};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

const CONNECTIONS: u32 = 20_000;
const ROUNDS: u32 = 3;
/// What the first ones cost once and for all is not a connection's.
const FIRST: u32 = 100;
/// Descriptors that a process needs besides.
const OTHER_DESCRIPTORS: u32 = 200;

/// Measures.
pub(super) fn run(sides: &Sides) -> Result<Vec<Measurement>> {
    let all = CONNECTIONS.min(descriptors_max()?.saturating_sub(OTHER_DESCRIPTORS)) / 4 * 4;
    let rounds = alternate(ROUNDS, |which| idle(&sides.start(which)?, [all / 4, all / 2, all]))?;
    let measurement =
        |name: &str, index: usize| Measurement::new(name, "B", Better::Less, &pick(&rounds, |bytes| bytes[index]));
    Ok(vec![
        measurement("tcp_idle_memory", 2),
        measurement("tcp_idle_memory of the first half", 1),
        measurement("tcp_idle_memory of the first quarter", 0),
    ])
}

/// Bytes each at so many connections.
fn idle(side: &Side, numbers: [u32; 3]) -> Result<[f64; 3]> {
    let mut streams = Vec::new();
    connect(side, FIRST, &mut streams)?;
    let before = side.resident_bytes()?;
    let mut bytes = [0.0; 3];
    for (number, bytes) in numbers.into_iter().zip(&mut bytes) {
        let connected = u32::try_from(streams.len())?;
        connect(side, number - connected, &mut streams)?;
        *bytes = (side.resident_bytes()? - before) / f64::from(number - FIRST);
    }
    Ok(bytes)
}

/// Connects, and has each connection say something once: then its process is there, and waits for more.
fn connect(side: &Side, number: u32, streams: &mut Vec<TcpStream>) -> Result<()> {
    let address = side.listener("echo")?;
    for _ in 0..number {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"ping")?;
        stream.read_exact(&mut [0; 4])?;
        streams.push(stream);
    }
    Ok(())
}

/// Descriptors that a process may have: as many as the system lets it ask for.
fn descriptors_max() -> Result<u32> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).context("a limit of descriptors")?;
    match line.split_whitespace().next() {
        Some("unlimited") => Ok(u32::MAX),
        Some(number) => Ok(number.parse()?),
        None => bail!("no number in {line:?}"),
    }
}

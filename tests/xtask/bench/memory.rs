//! Resident bytes of an idle process with an empty mailbox, over a million of them; the peer is a tokio task with an empty
//! channel.

use super::report::{Better, Measurement};
use crate::shell::complain;
use anyhow::{Context, Result, ensure};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::{peer, wait};

const PROCESSES: u32 = 1_000_000;
const ROUNDS: u32 = 3;
/// So many are spawned at once.
const BATCH: u32 = 10_000;

/// Measures.
pub(super) fn run() -> Result<Vec<Measurement>> {
    let sandbox = Sandbox::new("idle")?;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let (before, after) = ours(&sandbox)?;
        let (peer_before, peer_after) = peer::idle(PROCESSES)?;
        let pair = (each(before, after), each(peer_before, peer_after));
        complain(&format!("  round {round}: ours {:.0} B, peer {:.0} B", pair.0, pair.1));
        rounds.push(pair);
    }
    Ok(vec![Measurement::new("idle_memory", "B", Better::Less, &rounds)])
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a machine's memory are far below 2^52")]
fn each(before: u64, after: u64) -> f64 {
    after.saturating_sub(before) as f64 / f64::from(PROCESSES)
}

fn ours(sandbox: &Sandbox) -> Result<(u64, u64)> {
    let node = sandbox.run()?;
    let mut stream = BufReader::new(TcpStream::connect(node.address())?);
    let spawn = |stream: &mut BufReader<TcpStream>, number: u32| {
        stream.get_mut().write_all(format!("{number}\n").as_bytes())?;
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let spawned: u32 = line.trim().parse().context("a number of processes")?;
        ensure!(spawned == number, "the node spawned {spawned} of {number} processes");
        Ok(())
    };
    // What the first ones cost once and for all is not a process's.
    spawn(&mut stream, 1_000)?;
    settle(&node, 1_000)?;
    let before = memory(&node)?;
    for _ in 0..PROCESSES / BATCH {
        spawn(&mut stream, BATCH)?;
    }
    settle(&node, u64::from(PROCESSES) + 1_000)?;
    Ok((before, memory(&node)?))
}

/// Waits until that many processes are there; the answer to a status comes from a scheduler that has polled them.
fn settle(node: &Node, processes: u64) -> Result<()> {
    wait::until("the idle processes", Duration::from_secs(60), || {
        (node.status()["processes"].as_u64()? >= processes).then_some(())
    })
}

fn memory(node: &Node) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.os_pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a resident size")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

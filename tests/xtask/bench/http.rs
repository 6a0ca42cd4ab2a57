//! Requests a second and latency: the example's `/api/version` through our node, and the same axum router on plain tokio.

use super::report::{Better, Measurement};
use crate::shell::{complain, read};
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::process::Command;
use system_tests::peer::Peer;
use system_tests::sandbox::{EXAMPLE, Sandbox};

/// Rounds; in each, both are measured, the one first that was second before.
const ROUNDS: usize = 7;
const SECONDS: u32 = 5;
const PATH: &str = "/api/version";

/// What wrk says.
#[derive(Clone, Copy, Debug)]
struct Wrk {
    requests_per_second: f64,
    p99_ms: f64,
}

/// Measures with that many keep-alive connections.
pub(super) fn run(connections: u32) -> Result<Vec<Measurement>> {
    let sandbox = Sandbox::releasable(EXAMPLE)?;
    // As it is shipped: the peer is built in the release profile too.
    let node = sandbox.start(&sandbox.release("release")?)?;
    let peer = Peer::serve(&node.version())?;
    let answers = [node.address(), peer.address()].map(|address| system_tests::http::get(address, PATH));
    let [ours, theirs] = answers.map(|answer| answer.map(|answer| answer.body.len()));
    ensure!(ours? == theirs?, "the two answers differ in length");

    for address in [node.address(), peer.address()] {
        wrk(address, connections, 2)?;
    }
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        let (ours, theirs) = if round % 2 == 0 {
            let ours = wrk(node.address(), connections, SECONDS)?;
            (ours, wrk(peer.address(), connections, SECONDS)?)
        } else {
            let theirs = wrk(peer.address(), connections, SECONDS)?;
            (wrk(node.address(), connections, SECONDS)?, theirs)
        };
        complain(&format!("  round {}: ours {ours:?}, peer {theirs:?}", round + 1));
        rounds.push((ours, theirs));
    }
    let of = |pick: fn(&Wrk) -> f64| -> Vec<(f64, f64)> {
        rounds.iter().map(|(ours, theirs)| (pick(ours), pick(theirs))).collect()
    };
    let name = format!("http_small_{connections}");
    let (rate, p99) = (of(|wrk| wrk.requests_per_second), of(|wrk| wrk.p99_ms));
    Ok(vec![
        Measurement::new(format!("{name} requests"), "1/s", Better::More, &rate),
        Measurement::new(format!("{name} p99"), "ms", Better::Less, &p99),
    ])
}

fn wrk(address: SocketAddr, connections: u32, seconds: u32) -> Result<Wrk> {
    let mut command = Command::new("wrk");
    command.args(["--threads", "2", "--latency", "--timeout", "10s"]);
    command.arg(format!("--connections={connections}")).arg(format!("--duration={seconds}s"));
    let said = read(command.arg(format!("http://{address}{PATH}")))?;
    let wrong = said.lines().find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    ensure!(wrong.is_none(), "wrk saw failures: {said}");
    parse(&said).with_context(|| format!("wrk said something else: {said}"))
}

fn parse(said: &str) -> Option<Wrk> {
    let after = |mark: &str| said.lines().find_map(|line| line.trim().strip_prefix(mark));
    let requests_per_second = after("Requests/sec:")?.trim().parse().ok()?;
    Some(Wrk { requests_per_second, p99_ms: milliseconds(after("99%")?.trim())? })
}

/// `1.23ms`, `870.00us`, `1.02s`.
fn milliseconds(text: &str) -> Option<f64> {
    let at = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(at);
    let factor = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_wrk_says_is_read() {
        let said = "  Latency Distribution\n     50%  400.00us\n     99%    1.25ms\n  10 requests in 1s\nRequests/sec:  54321.50\n";
        let wrk = parse(said).expect("a report");
        assert_eq!((wrk.requests_per_second, wrk.p99_ms), (54321.5, 1.25));
        assert_eq!(milliseconds("870.00us"), Some(0.87));
        assert_eq!(milliseconds("2.00s"), Some(2000.0));
        assert_eq!(milliseconds("fast"), None);
    }
}

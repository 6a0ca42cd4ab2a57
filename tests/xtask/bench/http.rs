//! Requests a second and latency: the example's `/api/version` through our node, beside the same axum router on plain tokio, or
//! beside a small server in Erlang that gives the same answer.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Beside, Sides, Which};
use crate::shell::read;
use anyhow::{Context, Result, ensure};
use std::net::SocketAddr;
use std::process::Command;
use system_tests::node::Node;
use system_tests::sandbox::{EXAMPLE, Sandbox};

const ROUNDS: u32 = 7;
const SECONDS: u32 = 5;
const PATH: &str = "/api/version";

/// What wrk says: requests a second, and the 99th percentile of latency in milliseconds.
type Wrk = [f64; 2];

/// Measures with that many keep-alive connections.
pub(super) fn run(name: &str, sides: &Sides, beside: Beside, connections: u32) -> Result<Vec<Measurement>> {
    let (_sandbox, node) = example()?;
    let peer = sides.peer(beside, &node.version())?;
    measure(name, connections, node.address(), peer.listener("http").context("the peer's HTTP listener")?)
}

/// As it is shipped: the peers are built for speed too.
fn example() -> Result<(Sandbox, Node)> {
    let sandbox = Sandbox::releasable(EXAMPLE)?;
    let node = sandbox.start(&sandbox.release("release")?)?;
    Ok((sandbox, node))
}

fn measure(name: &str, connections: u32, ours: SocketAddr, peer: SocketAddr) -> Result<Vec<Measurement>> {
    let [our_answer, their_answer] = [ours, peer].map(|address| system_tests::http::get(address, PATH));
    ensure!(our_answer?.body == their_answer?.body, "the two answers differ");
    let address = |which| if which == Which::Ours { ours } else { peer };
    for which in [Which::Ours, Which::Peer] {
        wrk(address(which), connections, 2)?;
    }
    let rounds = alternate(ROUNDS, |which| wrk(address(which), connections, SECONDS))?;
    let (rate, p99) =
        (pick(&rounds, |[requests_per_second, _]| *requests_per_second), pick(&rounds, |[_, p99_ms]| *p99_ms));
    Ok(vec![
        Measurement::new(name, "1/s", Better::More, &rate),
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
    Some([requests_per_second, milliseconds(after("99%")?.trim())?])
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
        assert_eq!(parse(said), Some([54321.5, 1.25]));
        assert_eq!(milliseconds("870.00us"), Some(0.87));
        assert_eq!(milliseconds("2.00s"), Some(2000.0));
        assert_eq!(milliseconds("fast"), None);
    }
}

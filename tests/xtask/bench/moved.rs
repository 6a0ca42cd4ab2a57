//! 10,000 servers go on in another version: `fixtures/moving`, up and down between two releases, beside Erlang's `sys:change_code`.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Side, Sides, Which};
use super::up_and_down::UpAndDown;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;
use system_tests::cli::Cli;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

const ROUNDS: u32 = 5;
const SERVERS: u32 = 10_000;

/// Milliseconds for all, and microseconds of one's pause: median and 99th percentile.
type Moved = [f64; 3];

/// How servers move.
struct Way {
    /// The measurements'.
    name: &'static str,
    /// What the releases say.
    settings: &'static str,
    /// The step of the upgrade in which they do.
    step: &'static str,
}

const WAYS: [Way; 2] = [
    Way { name: "code_change", settings: "move = \"each\"", step: "move" },
    Way { name: "code_change_barrier", settings: "move = \"barrier\"", step: "switch" },
];

/// Measures.
pub(super) fn run(sides: &Sides) -> Result<Vec<Measurement>> {
    let measured = WAYS.iter().map(|way| way.run(sides)).collect::<Result<Vec<_>>>()?;
    Ok(measured.concat())
}

impl Way {
    fn run(&self, sides: &Sides) -> Result<Vec<Measurement>> {
        let sandbox = Sandbox::releasable("moving")?;
        sandbox.set(self.settings)?;
        let (one, hundred) = ("const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
        let up_and_down = UpAndDown::start(sandbox, "src/counter.rs", one, hundred)?;
        let mut swarm = Talk::open(up_and_down.node.address());
        swarm.expect(&format!("swarm {SERVERS}"), &SERVERS.to_string());
        let mut peer = sides.start(Which::Peer)?;
        // The first upgrade loads an image, which the others find loaded.
        let mut measure = |which| match which {
            Which::Ours => ours(up_and_down.upgrade(Some("--json")), self.step),
            Which::Peer => theirs(&mut peer),
        };
        measure(Which::Ours)?;
        let rounds = alternate(ROUNDS, measure)?;
        let quantity = |name: &str, unit, at: usize| {
            let name = format!("{}{name}", self.name);
            Measurement::new(name, unit, Better::Less, &pick(&rounds, |moved| moved[at]))
        };
        Ok(vec![quantity("", "ms", 0), quantity(" pause p50", "µs", 1), quantity(" pause p99", "µs", 2)])
    }
}

fn theirs(peer: &mut Side) -> Result<Moved> {
    let measured = peer.ask(&format!("code_change {SERVERS}"))?;
    measured.try_into().ok().context("three numbers")
}

/// How long that step of the upgrade took, from the moment when it is said until the next one is; and the pauses.
fn ours(upgrade: Cli, step: &str) -> Result<Moved> {
    let mut client = upgrade.into_command().stdout(Stdio::piped()).spawn()?;
    let (mut begun, mut took, mut last) = (None, None, Value::Null);
    for line in BufReader::new(client.stdout.take().context("its output")?).lines() {
        last = serde_json::from_str(&line?)?;
        match last["step"].as_str() {
            Some(said) if said == step => begun = Some(Instant::now()),
            Some(_) => took = took.or(begun.map(|begun| begun.elapsed().as_secs_f64() * 1e3)),
            None => {}
        }
    }
    ensure!(client.wait()?.success(), "the upgrade failed: {last}");
    let pauses = &last["pauses"];
    ensure!(pauses["count"] == SERVERS, "not all have moved: {last}");
    let microseconds = |name: &str| pauses[name].as_f64().map(|ns| ns / 1e3).context("pauses");
    let took = took.with_context(|| format!("no step behind {step}"))?;
    Ok([took, microseconds("p50_ns")?, microseconds("p99_ns")?])
}

//! What looking inside a node takes, and what it costs those who are looked at. The peer is the same without it: the command alone, the node at which
//! nobody looks, a second node of the same.
//!
//! Costs in percent are of processor time for each round trip of a ping-pong, of which others' work on the machine is no part. What is less than
//! [`PERCENT_MIN`] cannot be told from nothing.

use super::report::{Better, Measurement, spread};
use super::rounds::{alternate, alternate_quickly};
use super::side::Which;
use crate::shell::complain;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use system_tests::node::Node;
use system_tests::runaway::{self, Control};
use system_tests::sandbox::Sandbox;
use system_tests::{http, memory, wait};

const ROUNDS: u32 = 5;
const PROCESSES: u32 = 1_000_000;
/// A fraction of a second.
const TRIPS: u32 = 1_000_000;
/// Of that many trips, of which each comparison is made: few, and more rounds, since two nodes differ more than two windows do.
const WINDOWS: u32 = 9;
const COSTS_ROUNDS: u32 = 9;
/// Some hundred milliseconds of a processor.
const SCRAPES: u32 = 500;
const TERMS: u64 = 10_000_000_000;
const PERCENT_MIN: f64 = 0.01;
/// Of processor time: what cannot be told from nothing.
const MICROSECONDS_MIN: f64 = 1.0;
const LIMIT: Duration = Duration::from_secs(60);

/// A node with the benchmarks' fixture.
struct Bench {
    sandbox: Sandbox,
    node: Node,
    control: Control,
}

impl Bench {
    fn start(options: &[&str]) -> Result<Self> {
        let sandbox = Sandbox::new("bench")?;
        let command = sandbox.cli([&["run", "--listen", "127.0.0.1:0"], options].concat()).into_command();
        let node = Node::start(command, &sandbox.root())?;
        let control = Control::open(&node);
        Ok(Self { sandbox, node, control })
    }

    fn ask(&mut self, program: &str) -> Result<Vec<f64>> {
        let said = self.control.ask(program);
        let numbers = said.split(' ').map(str::parse).collect::<Result<_, _>>();
        numbers.with_context(|| format!("{program} answered {said:?}"))
    }

    /// Seconds that a command takes.
    fn seconds(&self, arguments: &[&str]) -> Result<f64> {
        let begun = Instant::now();
        let said = self.sandbox.cli(arguments.iter().copied()).run()?;
        ensure!(said.code == 0, "{arguments:?}: {}", said.stderr);
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Microseconds of processor time for each round trip of a ping-pong.
    fn trip(&mut self) -> Result<f64> {
        let before = self.used()?;
        self.ask(&format!("pingpong_same {TRIPS}"))?;
        Ok(1e6 * (self.used()? - before) / f64::from(TRIPS))
    }

    fn used(&self) -> Result<f64> {
        Ok(memory::processor_seconds_by_thread(self.node.os_pid())?.values().sum())
    }

    /// What a scrape takes of a processor, in percent, at one a second: of threads that have ended with it.
    fn scrape_percent(&self, address: SocketAddr) -> Result<f64> {
        let before = memory::processor_seconds(self.node.os_pid())?;
        for _ in 0..SCRAPES {
            let _ = http::get(address, "/metrics")?;
        }
        Ok(100.0 * (memory::processor_seconds(self.node.os_pid())? - before) / f64::from(SCRAPES))
    }

    /// The same as a trip, while the metrics are asked for: once, which is some times a second.
    fn trip_while_scraped(&mut self, address: SocketAddr) -> Result<f64> {
        thread::scope(|scope| {
            let scraper = scope.spawn(move || http::get(address, "/metrics").is_ok());
            let with = self.trip();
            ensure!(scraper.join().is_ok_and(|is_scraped| is_scraped), "nothing was scraped");
            with
        })
    }

    /// The same while another process is traced.
    fn trip_beside_a_trace(&mut self) -> Result<f64> {
        let tracer = self.client(&["trace", &self.other()?, "--for", "10m"])?;
        let with = self.trip();
        drop(tracer);
        system_tests::raw::until_no_thread_is_left(&self.node);
        with
    }

    /// What all threads use beside the one that runs a plain loop meanwhile, in percent of what that uses.
    fn beside_a_loop(&mut self) -> Result<f64> {
        let before = memory::processor_seconds_by_thread(self.node.os_pid())?;
        self.ask(&format!("sum {TERMS}"))?;
        let after = memory::processor_seconds_by_thread(self.node.os_pid())?;
        let used = after.iter().map(|(thread, after)| after - before.get(thread).copied().unwrap_or(0.0));
        let (all, most) = used.fold((0.0, 0.0), |(all, most), used| (all + used, f64::max(most, used)));
        Ok((100.0 * (all - most) / most).max(PERCENT_MIN))
    }

    /// A client that goes on, once the node serves it.
    fn client(&self, arguments: &[&str]) -> Result<Going> {
        let cli = self.sandbox.cli(arguments.iter().copied());
        let child = cli.into_command().stdout(Stdio::null()).spawn()?;
        let going = Going(child);
        let is_served = || (system_tests::raw::threads(&self.node) > 0).then_some(());
        wait::until("a client is served", LIMIT, is_served)?;
        Ok(going)
    }

    /// A process that is not the ping-pong's.
    fn other(&self) -> Result<String> {
        let listed = self.sandbox.ask(&["ps"]);
        let other = listed["processes"].as_array().and_then(|all| all.last()).map(|process| &process["pid"]);
        Ok(other.and_then(Value::as_str).context("a process")?.to_owned())
    }
}

/// Killed when dropped.
struct Going(Child);

impl Drop for Going {
    fn drop(&mut self) {
        // It may have ended.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.0.wait();
    }
}

fn row(name: &str, unit: &str, rounds: &[(f64, f64)]) -> Measurement {
    Measurement::new(format!("inside_{name}"), unit, Better::Less, rounds)
}

/// `ps` and `top` on a million processes, beside a command that asks for nothing; and how late a sleeper is meanwhile at the most.
pub(super) fn million() -> Result<Vec<Measurement>> {
    let mut bench = Bench::start(&[])?;
    bench.ask(&format!("idle {PROCESSES}"))?;
    let beside_ping = |arguments: &[&str]| {
        alternate(ROUNDS, |which| bench.seconds(if which == Which::Ours { arguments } else { &["ping"] }))
    };
    let ps = beside_ping(&["ps"])?;
    let top = beside_ping(&["top", "--once", "--interval", "0.05"])?;
    let late = alternate(ROUNDS, |which| {
        if which == Which::Peer {
            return Ok(bench.ask("late 2000")?[0] / 1e3);
        }
        let (tell, told) = channel::<()>();
        let sandbox = &bench.sandbox;
        thread::scope(|scope| {
            let looking = scope.spawn(move || {
                while told.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                    let _ = sandbox.cli(["ps"]).expect(0);
                    let _ = sandbox.cli(["top", "--once", "--interval", "0.05"]).expect(0);
                }
            });
            let late = bench.control.ask("late 2000");
            drop(tell);
            ensure!(looking.join().is_ok(), "ps or top failed");
            Ok(late.parse::<f64>().with_context(|| format!("late answered {late:?}"))? / 1e3)
        })
    })?;
    Ok(vec![row("ps_million", "s", &ps), row("top_million", "s", &top), row("million_late max", "ms", &late)])
}

/// What a sample of its stack costs a process, signal and all, beside the copy alone.
pub(super) fn sample() -> Result<Vec<Measurement>> {
    let (sandbox, node) = runaway::node();
    let mut control = Control::open(&node);
    let pid = control.start("count");
    control.until_it_has_used(Duration::from_millis(100), &pid);
    // By its own processor time, which the signal is a part of, and by how far it has come for it.
    let mut state = || -> Result<(f64, f64)> {
        let info = control.ask(&format!("info {pid}"));
        let used = info.split(' ').next().and_then(|used| used.parse().ok()).context("microseconds")?;
        Ok((used, f64::from(u32::try_from(control.counts()[0] >> 16)?)))
    };
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let before = state()?;
        thread::sleep(Duration::from_secs(3));
        let between = state()?;
        let profile = sandbox.cli(["profile", &pid, "--for", "3s", "--hz", "1000", "--json"]).expect(0).json();
        let after = state()?;
        let number = |name: &str| profile[name].as_f64().with_context(|| format!("{name} of a profile"));
        let each = (between.0 - before.0) / (between.1 - before.1);
        let lost = (after.0 - between.0 - each * (after.1 - between.1)).max(MICROSECONDS_MIN);
        let measured = (lost / number("samples")?.max(1.0), number("cost_mean_ns")? / 1e3);
        complain(&format!("  round {round}: a sample {:.2} µs, the copy {:.2} µs", measured.0, measured.1));
        rounds.push(measured);
    }
    Ok(vec![row("stack_sample", "µs", &rounds)])
}

/// What a profile takes beside the loop that it shows, and what two runs without one differ by. What it takes from the loop itself is a sample, so many
/// times a second.
pub(super) fn profile() -> Result<Vec<Measurement>> {
    let mut bench = Bench::start(&[])?;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let before = bench.beside_a_loop()?;
        let profiler = bench.client(&["profile", "--for", "10m", "--json"])?;
        // The first samples of code that runs read the files that it is in, once.
        let first = bench.beside_a_loop()?;
        let with = bench.beside_a_loop()?;
        drop(profiler);
        system_tests::raw::until_no_thread_is_left(&bench.node);
        let after = bench.beside_a_loop()?;
        let without = f64::midpoint(before, after);
        let more = |used: f64| (used - without).max(PERCENT_MIN);
        rounds.push((more(with), (before - after).abs().max(PERCENT_MIN)));
        complain(&format!(
            "  round {round}: {:.2} % more ({:.2} % at first) than {without:.2} %",
            more(with),
            more(first)
        ));
    }
    Ok(vec![row("profile_99hz", "%", &rounds)])
}

/// What a ping-pong pays for an address for metrics, for scrapes, and for a trace of another process, meanwhile and afterwards. The peer is one node
/// beside another of the same, in the same way: that much cannot be told from nothing.
///
/// A machine's speed drifts, and two nodes differ by where their memory is. So each comparison is of many short windows in turns, and each round has
/// nodes of its own.
pub(super) fn costs() -> Result<Vec<Measurement>> {
    let [mut off, mut scraped, mut traced, mut after] = [const { Vec::new() }; 4];
    for round in 1..=COSTS_ROUNDS {
        let (mut plain, mut twin) = (Bench::start(&[])?, Bench::start(&[])?);
        let mut bench = Bench::start(&["--metrics", "127.0.0.1:0"])?;
        let address = bench.node.status()["metrics"].as_str().context("an address")?.parse()?;
        for node in [&mut plain, &mut twin, &mut bench] {
            // The first is slower than others.
            node.trip()?;
        }
        let noise = beside(&mut plain, &mut twin)?;
        let open = beside(&mut plain, &mut bench)?;
        off.push((open, noise));
        let beside_scrapes = with_and_without(&mut bench, |bench| bench.trip_while_scraped(address))?;
        scraped.push((beside_scrapes + bench.scrape_percent(address)?, noise));
        traced.push((with_and_without(&mut bench, Bench::trip_beside_a_trace)?, noise));
        after.push((beside(&mut plain, &mut bench)? - open, noise));
        let said = [&off, &scraped, &traced, &after].map(|rounds| rounds.last().map(|(cost, _)| *cost));
        complain(&format!("  round {round}: off, scraped, traced, after {said:.2?}, noise {noise:.2}"));
    }
    let told = |rounds: &[(f64, f64)]| -> Vec<_> {
        rounds.iter().map(|(cost, noise)| (cost.max(PERCENT_MIN), noise.abs().max(PERCENT_MIN))).collect()
    };
    Ok(vec![
        row("metrics_off", "%", &told(&off)),
        row("metrics_scraped", "%", &told(&scraped)),
        row("trace_on", "%", &told(&traced)),
        row("trace_after", "%", &told(&after)),
    ])
}

/// By how many percent a trip takes more in this node than in that one.
fn beside(that: &mut Bench, this: &mut Bench) -> Result<f64> {
    more(|which| if which == Which::Ours { this.trip() } else { that.trip() })
}

/// By how many percent it takes more so.
fn with_and_without(bench: &mut Bench, with: impl Fn(&mut Bench) -> Result<f64>) -> Result<f64> {
    more(|which| if which == Which::Ours { with(bench) } else { bench.trip() })
}

/// The median of the windows.
fn more(trip: impl FnMut(Which) -> Result<f64>) -> Result<f64> {
    let windows = alternate_quickly(WINDOWS, trip)?.iter().map(|(with, without)| with / without).collect();
    let [_, median, _] = spread(windows);
    Ok(100.0 * (median - 1.0))
}

/// Nanoseconds for an event that is logged, and for one that is not, beside a turn of the loop alone.
pub(super) fn log() -> Result<Vec<Measurement>> {
    let mut bench = Bench::start(&[])?;
    let mut beside_loop = |program: &str| {
        alternate(ROUNDS, |which| {
            let program = if which == Which::Ours { program } else { "log_nothing 10000000" };
            bench.ask(program).map(|measured| measured[0])
        })
    };
    let disabled = beside_loop("log_disabled 10000000")?;
    let logged = beside_loop("log_event 100000")?;
    Ok(vec![row("debug_disabled", "ns", &disabled), row("logged_event", "ns", &logged)])
}

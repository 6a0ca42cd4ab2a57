//! Figures of looking inside a node: what it takes, and what it costs those who are looked at. Printed, not judged: a machine that does something
//! else blurs them. Run it on a quiet one:
//!
//! ```text
//! cargo nextest run -p system-tests --run-ignored only -E 'binary(figures)' --no-capture
//! ```

#![expect(clippy::print_stdout, reason = "figures are for whoever runs it")]

use serde_json::Value;
use std::time::{Duration, Instant};
use system_tests::node::Node;
use system_tests::runaway::{self, Control};
use system_tests::sandbox::Sandbox;

const ROUNDS: u32 = 5;

/// A node of the benchmarks' fixture.
fn bench() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("bench").expect("the fixture builds");
    let command = sandbox.cli(["run", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]).into_command();
    let node = Node::start(command, &sandbox.root()).expect("a node");
    (sandbox, node)
}

fn percent(without: f64, with: f64) -> f64 {
    100.0 * (with / without - 1.0)
}

/// Processor seconds of the node's OS process.
fn processor_seconds(node: &Node) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", node.os_pid())).expect("it lives");
    let fields = stat.rsplit_once(')').expect("a name in brackets").1;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks"));
    ticks.sum::<f64>() / 100.0
}

/// Microseconds of processor time for each round trip of a ping-pong.
fn trip(node: &Node, control: &mut Control) -> f64 {
    const TRIPS: u32 = 8_000_000;
    let before = processor_seconds(node);
    let said = control.ask(&format!("pingpong_same {TRIPS}"));
    assert!(!said.starts_with("error"), "{said}");
    1e6 * (processor_seconds(node) - before) / f64::from(TRIPS)
}

#[test]
#[ignore = "prints figures of a million processes"]
fn a_million_processes() {
    let (sandbox, node) = bench();
    let mut control = Control::open(&node);
    println!("processes: 1,000,000; {}", control.ask("idle 1000000"));
    println!("a sleeper is late by (p50 p99 µs), nobody looking: {}", control.ask("wake_spin 0 2000"));
    for arguments in [
        &["ping"][..],
        &["ps"],
        &["ps", "--sort", "memory"],
        &["top", "--once", "--interval", "0.05"],
        &["eval", "top().len()"],
        &["tree"],
        &["status"],
        &["metrics"],
    ] {
        let took = (0..ROUNDS).map(|_| {
            let begun = Instant::now();
            let _ = sandbox.cli(arguments.iter().copied()).expect(0);
            begun.elapsed()
        });
        let mut took: Vec<_> = took.collect();
        took.sort_unstable();
        println!("{}: {:?} (of {ROUNDS}, {:?} at the most)", arguments.join(" "), took[took.len() / 2], took.last());
    }
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(10) {
                let _ = sandbox.cli(["ps"]).expect(0);
                let _ = sandbox.cli(["top", "--once", "--interval", "0.05"]).expect(0);
            }
        });
        while !looking.is_finished() {
            println!("the same, while ps and top are called all the time: {}", control.ask("wake_spin 0 1500"));
        }
    });
}

#[test]
#[ignore = "prints what a profile costs"]
fn a_sample_and_a_profile() {
    let (sandbox, node) = runaway::node();
    let mut control = Control::open(&node);
    let pid = control.start("count");
    control.until_it_has_used(Duration::from_millis(100), &pid);
    // By its own processor time, which the signal is a part of: what else the machine does is not in it.
    let state = |control: &mut Control| {
        let info = control.ask(&format!("info {pid}"));
        let used: f64 = info.split(' ').next().and_then(|used| used.parse().ok()).expect("microseconds");
        (used, control.counts()[0])
    };
    let (mut without, mut with) = ((0.0, 0), (0.0, 0));
    let (mut samples, mut copied) = (0, 0);
    for _ in 0..ROUNDS {
        let before = state(&mut control);
        std::thread::sleep(Duration::from_secs(3));
        let between = state(&mut control);
        let profile = sandbox.cli(["profile", &pid, "--for", "3s", "--hz", "1000", "--json"]).expect(0).json();
        let after = state(&mut control);
        without = (without.0 + between.0 - before.0, without.1 + between.1 - before.1);
        with = (with.0 + after.0 - between.0, with.1 + after.1 - between.1);
        samples += profile["samples"].as_u64().expect("a number");
        copied += profile["samples"].as_u64().expect("a number") * profile["cost_mean_ns"].as_u64().expect("a number");
    }
    #[expect(clippy::cast_precision_loss, reason = "figures")]
    let (each, lost) = (without.0 / without.1 as f64, with.0 - without.0 / without.1 as f64 * with.1 as f64);
    #[expect(clippy::cast_precision_loss, reason = "figures")]
    let number = samples as f64;
    println!("{samples} samples at 1000 Hz; a turn of the loop takes {:.2} ns", 1e3 * each);
    println!(
        "a sample costs its process {:.2} µs, signal and all; the copy alone takes {} ns",
        lost / number,
        copied / samples.max(1)
    );
    println!("so 99 Hz cost {:.3} % of it", 99.0 * lost / number / 1e4);

    let (sandbox, node) = bench();
    let mut control = Control::open(&node);
    trip(&node, &mut control);
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        let without = trip(&node, &mut control);
        let mut profiler = sandbox.cli(["profile", "--for", "10m", "--json"]).into_command().spawn().expect("a client");
        std::thread::sleep(Duration::from_millis(500));
        let with = trip(&node, &mut control);
        profiler.kill().expect("killed");
        profiler.wait().expect("gone");
        std::thread::sleep(Duration::from_millis(500));
        costs.push(percent(without, with));
    }
    costs.sort_by(f64::total_cmp);
    println!("a profile of the node at 99 Hz costs a ping-pong, with the profiler's own work, in percent: {costs:.2?}");
}

#[test]
#[ignore = "prints what metrics and traces cost"]
fn metrics_and_traces() {
    let (sandbox, node) = bench();
    let mut control = Control::open(&node);
    let address = node.status()["metrics"].as_str().expect("an address").parse().expect("IP:PORT");
    trip(&node, &mut control);
    let (mut scraped, mut traced) = (Vec::new(), Vec::new());
    let top = sandbox.cli(["ps", "--json"]).expect(0).json();
    let other = top["processes"].as_array().and_then(|all| all.last()).map(|process| process["pid"].clone());
    let other = other.as_ref().and_then(Value::as_str).expect("a process").to_owned();
    for _ in 0..ROUNDS {
        let without = trip(&node, &mut control);
        let with = std::thread::scope(|scope| {
            let (stop, stopped) = std::sync::mpsc::channel::<()>();
            let scraper = scope.spawn(move || {
                let mut scrapes = 0;
                while stopped
                    .recv_timeout(Duration::from_secs(1))
                    .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
                {
                    system_tests::http::get(address, "/metrics").expect("answered");
                    scrapes += 1;
                }
                scrapes
            });
            let with = trip(&node, &mut control);
            drop(stop);
            assert!(scraper.join().expect("it ends") > 0, "it was scraped");
            with
        });
        scraped.push(percent(without, with));
        let mut tracer = sandbox.cli(["trace", &other, "--for", "10m"]).into_command().spawn().expect("a client");
        std::thread::sleep(Duration::from_millis(300));
        traced.push(percent(without, trip(&node, &mut control)));
        tracer.kill().expect("killed");
        tracer.wait().expect("gone");
        std::thread::sleep(Duration::from_millis(100));
    }
    scraped.sort_by(f64::total_cmp);
    traced.sort_by(f64::total_cmp);
    println!("a scrape a second costs a ping-pong, in percent: {scraped:.2?}");
    println!("a trace of another process costs it: {traced:.2?}");
}

//! The example's load page: ten thousand jobs, an upgrade, a process that spins, and a kill; what the page shows of it.

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use system_tests::cli::Cli;
use system_tests::node::Node;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::websocket::{Frame, WebSocket};
use system_tests::{memory, wait};

const LIMIT: Duration = Duration::from_secs(120);
const JOBS: u64 = 10_000;
/// The page's figure is a mean of so long.
const MEAN: Duration = Duration::from_secs(5);

/// An open load page.
struct Page(WebSocket);

impl Page {
    fn open(node: &Node) -> Self {
        Self(WebSocket::open(node.address(), "/ws/load").expect("a page"))
    }

    fn next(&mut self) -> String {
        match self.0.receive().expect("its WebSocket is never closed") {
            Frame::Text(text) => text,
            Frame::Close(code) => panic!("its WebSocket was closed: {code:?}"),
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.0.send_text(&json!({ name: value }).to_string()).expect("it is open");
    }

    /// The next fragments with charts.
    fn charts(&mut self) -> String {
        let found = wait::until("charts", LIMIT, || Some(self.next()).filter(|shown| shown.contains("<svg")));
        found.expect("the meter samples")
    }

    /// What it shows beside the title of that chart: the mean of the last five seconds.
    fn figure(&mut self, title: &str) -> f64 {
        figure(&self.charts(), title)
    }

    /// The figures of the next while, lowest and highest.
    fn range(&mut self, time: Duration) -> (f64, f64) {
        let until = Instant::now() + time;
        let (mut lowest, mut highest) = (f64::INFINITY, 0.0_f64);
        while Instant::now() < until {
            let jobs = self.figure("jobs a second");
            (lowest, highest) = (lowest.min(jobs), highest.max(jobs));
        }
        (lowest, highest)
    }
}

fn figure(shown: &str, title: &str) -> f64 {
    let (_, rest) = shown.split_once(&format!("aria-label=\"{title}: ")).expect("a chart of that title");
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().expect("a number")
}

/// Processes of jobs, by version.
fn jobs_by_version(sandbox: &Sandbox) -> Vec<(String, u64)> {
    let status = sandbox.ask(&["status"]);
    let versions = status["versions"].as_array().cloned().unwrap_or_default();
    let jobs = |version: &Value| {
        let types = version["process_types"].as_array()?;
        let jobs = types.iter().find(|kind| kind["name"].as_str().is_some_and(|name| name.ends_with("job::Job")))?;
        Some((version["version"].as_str()?.to_owned(), jobs["processes"].as_u64()?))
    };
    versions.iter().filter_map(jobs).collect()
}

fn memory_mb(node: &Node) -> u32 {
    memory::resident_kib(node.os_pid()).expect("a process of ours") / 1000
}

/// The process that uses most, once it is a calculation.
fn culprit(sandbox: &Sandbox) -> String {
    let found = wait::until("a calculation is first", LIMIT, || {
        let first = &sandbox.ask(&["eval", "top(0.5, 1)"])["value"][0];
        let is_calculation = first["process_type"].as_str().is_some_and(|name| name.contains("calculation"));
        is_calculation.then(|| first["pid"].as_str().unwrap_or_default().to_owned())
    });
    found.expect("it spins")
}

/// The page's figure goes through an upgrade, or a kill, as it was. A machine that others use makes all of it slower, but not that much.
fn expect_no_dip(what: &str, before: f64, lowest: f64) {
    assert!(lowest > before / 3.0, "{what}: jobs stood still for seconds, from {before} to {lowest}");
}

#[test]
#[expect(clippy::print_stdout, reason = "how steady the jobs are is the test's result")]
fn ten_thousand_jobs_go_on_through_an_upgrade_and_a_kill() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let node = sandbox.run().expect("the example runs");
    let mut page = Page::open(&node);
    page.set("jobs", &JOBS.to_string());
    let filled = wait::until("the jobs run", LIMIT, || {
        let jobs: u64 = jobs_by_version(&sandbox).iter().map(|(_, jobs)| jobs).sum();
        (jobs == JOBS && page.figure("jobs a second") > 1000.0).then_some(())
    });
    filled.expect("ten thousand jobs");
    // What the jobs' start has delayed has left the mean.
    let _begin = page.range(MEAN);
    let (before, highest) = page.range(MEAN);
    let usage = page.figure("scheduler usage, of one");
    println!("before: {before} to {highest} jobs a second, {usage} % of a scheduler, {} MB", memory_mb(&node));

    sandbox.edit("src/sum.rs", "13 brings bad luck\");\n    //", "13 brings no luck\");\n    //").expect("the bug");
    let version = upgraded(&sandbox);
    let (lowest, highest) = page.range(MEAN * 2);
    println!("upgrade: {lowest} to {highest} jobs a second");
    expect_no_dip("upgrade", before, lowest);
    assert_eq!(jobs_by_version(&sandbox), [(version.clone(), JOBS)], "all have moved, and none was lost");
    let charts = page.charts();
    assert_eq!(charts.matches("class=\"mark\"").count(), 2, "a mark on each chart: {charts}");
    assert!(charts.contains(&format!(">{version}<")), "{charts}");

    let mut sum = WebSocket::open(node.address(), "/ws/sum").expect("a page");
    sum.send_text("{\"to\":\"-1\"}").expect("it is open");
    let spinning = culprit(&sandbox);
    assert_eq!(sandbox.ask(&["kill", &spinning])["has_ended"], true);
    let (lowest, highest) = page.range(MEAN);
    println!("kill: {lowest} to {highest} jobs a second");
    expect_no_dip("kill", before, lowest);
    assert_eq!(jobs_by_version(&sandbox), [(version, JOBS)]);
}

#[expect(clippy::print_stdout, reason = "how long processes stood still is the test's result")]
fn upgraded(sandbox: &Sandbox) -> String {
    let said = sandbox.cli(["upgrade", "--json", "--drain-wait", "0"]);
    let result = Cli::expect(said, 0).json();
    println!("upgrade: {result}");
    result["to"].as_str().expect("a version").to_owned()
}

//! Metrics of a running node: by the control socket and by HTTP, as the standard's own parser reads them, and as the dashboard names them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;
use system_tests::http;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT};
use system_tests::sandbox::Sandbox;
use system_tests::{wait, workspace};

const ERROR: i32 = 1;
const USAGE: i32 = 2;
const PREFIX: &str = "cargo_system_";
/// Reads standard input as OpenMetrics: each sample's name a line.
const PARSER: &str = "
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(sample.name)
";

fn started(sandbox: &Sandbox) -> (Node, SocketAddr) {
    let command = sandbox.cli(["run", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]).into_command();
    let node = Node::start(command, &sandbox.root()).expect("a node");
    let address = node.status()["metrics"].as_str().expect("an address").parse().expect("IP:PORT");
    (node, address)
}

/// The system's own, which its packages are for.
const PYTHON: &str = "/usr/bin/python3";

/// What the reference parser finds.
fn parsed(text: &str) -> BTreeSet<String> {
    let mut python = Command::new(PYTHON)
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the system's Python");
    python.stdin.take().expect("piped").write_all(text.as_bytes()).expect("read");
    let said = python.wait_with_output().expect("it ends");
    assert!(said.status.success(), "it is no OpenMetrics, or python3-prometheus-client is not there:\n{text}");
    String::from_utf8(said.stdout).expect("names").lines().map(str::to_owned).collect()
}

/// The value of the first sample that begins so.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{PREFIX}{sample}")));
    let number = line.and_then(|line| line.rsplit(' ').next()).unwrap_or_else(|| panic!("no {sample}:\n{text}"));
    number.parse().expect("a number")
}

fn metrics(sandbox: &Sandbox) -> String {
    sandbox.cli(["metrics"]).expect(0).stdout
}

#[test]
fn what_happens_in_a_node_is_counted() {
    let sandbox = Sandbox::new("runaway").expect("the fixture builds");
    let (node, address) = started(&sandbox);
    let mut control = Control::open(&node);
    control.ask("many 20 await");
    let spinner = control.start("spin");
    control.until_it_has_used(Duration::from_millis(50), &spinner);
    let blocked = control.start("sleep");
    control.ask("nap");
    let before = wait::until("the spinner's time is counted", LIMIT, || {
        let text = metrics(&sandbox);
        (value(&text, "scheduler_cpu_seconds_total") > 0.05).then_some(text)
    });
    let before = before.expect("counted");
    assert!(value(&before, "processes{state=\"waiting\"}") >= 20.0, "{before}");
    assert!(value(&before, "resident_memory_bytes") > 1e6 && value(&before, "uptime_seconds") > 0.0, "{before}");
    assert!(value(&before, "hand_offs_total") >= 1.0 && value(&before, "long_runners") >= 1.0, "{before}");
    let version = format!("version_processes{{plugin=\"runaway\",version=\"{}\",state=\"current\"}}", node.version());
    assert!(value(&before, &version) >= 22.0, "{before}");

    for pid in [&spinner, &blocked] {
        assert_eq!(control.ask(&format!("kill {pid}")), "killed");
    }
    control.start("bomb");
    let after = wait::until("a panic and two frozen threads are counted", LIMIT, || {
        let text = metrics(&sandbox);
        (value(&text, "version_crashes_total") >= 1.0 && value(&text, "frozen_threads") >= 2.0).then_some(text)
    });
    let after = after.expect("counted");
    assert!(value(&after, "kills_total") >= 2.0, "{after}");
    assert!(value(&after, "leaked_bytes") > 0.0, "{after}");
    assert!(value(&after, "scheduler_cpu_seconds_total") >= value(&before, "scheduler_cpu_seconds_total"));

    let answer = http::get(address, "/metrics").expect("answered");
    assert_eq!(answer.status, 200);
    let kind = answer.header("content-type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
    let served = String::from_utf8(answer.body.clone()).expect("text");
    assert_eq!(parsed(&served), parsed(&after), "both say the same");
    let json = sandbox.cli(["metrics", "--json"]).expect(0).json();
    assert!(json["text"].as_str().expect("text").ends_with("# EOF\n"), "{json}");
}

#[test]
fn upgrades_and_their_pauses_are_counted() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let (node, _) = started(&sandbox);
    let mut control = system_tests::runaway::connect(node.address());
    for name in ["a", "b"] {
        writeln!(control.get_mut(), "start {name}").expect("sent");
        let mut answer = String::new();
        control.read_line(&mut answer).expect("an answer");
        assert!(answer.starts_with('<'), "{answer}");
    }
    sandbox
        .edit("src/lib.rs", "/// A process that lives", "/// Another build.\n\n/// A process that lives")
        .expect("an edit");
    sandbox.upgrade().expect("an upgrade");
    let text = metrics(&sandbox);
    assert_eq!(value(&text, "upgrades_total{outcome=\"done\"}"), 1.0, "{text}");
    assert_eq!(value(&text, "upgrade_pause_seconds_count"), 2.0, "{text}");
    assert!(value(&text, "upgrade_pause_seconds_sum") > 0.0, "{text}");
    assert_eq!(value(&text, "upgrade_pause_seconds_bucket{le=\"+Inf\"}"), 2.0, "{text}");
    assert_eq!(text.matches("version_crashes_total{").count(), 2, "both versions: {text}");
    parsed(&text);
}

#[test]
fn the_dashboard_names_exactly_what_is_exported() {
    let sandbox = Sandbox::new("runaway").expect("the fixture builds");
    let _node = sandbox.run().expect("a node");
    let exported = parsed(&metrics(&sandbox));
    let file = workspace::root().join("docs/grafana.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("there")).expect("JSON");
    let mut expressions = Vec::new();
    gather(&dashboard, &mut expressions);
    let named: BTreeSet<_> = expressions.iter().flat_map(|expression| names_in(expression)).collect();
    assert_eq!(named, exported);
}

/// All texts of a panel's expression.
fn gather(value: &Value, expressions: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            expressions.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| gather(member, expressions));
        }
        Value::Array(members) => members.iter().for_each(|member| gather(member, expressions)),
        _ => {}
    }
}

fn names_in(expression: &str) -> Vec<String> {
    let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with(PREFIX)).map(str::to_owned).collect()
}

#[test]
fn the_address_is_opt_in_and_takes_no_nonsense() {
    let sandbox = Sandbox::new("runaway").expect("the fixture builds");
    let (node, address) = started(&sandbox);
    let say = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(address).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
        stream.write_all(bytes).expect("sent");
        stream.shutdown(std::net::Shutdown::Write).expect("that is all");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("an answer");
        said
    };
    assert!(say(b"\x00rubbish\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert!(say(b"DELETE /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    // Half a request, and a client that does not read: hung up on, by and by.
    let mut half = TcpStream::connect(address).expect("connected");
    half.write_all(b"GET /met").expect("sent");
    assert!(http::get(address, "/metrics").expect("answered").status == 200);

    let taken = address.to_string();
    let other = Sandbox::new("runaway").expect("the fixture builds");
    let said = other.cli(["run", "--listen", "127.0.0.1:0", "--metrics", &taken]).expect(ERROR);
    assert!(said.stderr.contains(&format!("metrics cannot be served on {taken}")), "{}", said.stderr);
    let said = other.cli(["run", "--metrics", "9464"]).expect(USAGE);
    assert!(said.stderr.contains("is not IP:PORT"), "{}", said.stderr);
    let quiet = other.run().expect("a node");
    assert!(quiet.status()["metrics"].is_null(), "opt-in");
    drop(node);
}

//! A process that does not give way harms no other: not the requests of others, not an upgrade. There is a bound, beyond which it does.

use std::time::Duration;
use system_tests::http::Connection;
use system_tests::node::Node;
use system_tests::runaway::{self, Control, number};
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);
/// More than the machine has cores.
const SPINNING: u64 = 8;

#[test]
fn endless_loops_hold_no_scheduler() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let mut node = sandbox.run().expect("the example runs");
    let old = node.version();
    let mut kept = Connection::open(node.address()).expect("connected");
    kept.get("/api/version").expect("an answer before");

    let spinning: Vec<Connection> = (0..SPINNING).map(|_| spin(&node)).collect();
    // Each begins on a scheduler and is moved off when it turns out not to give way, but where the others do without that
    // scheduler: one of them is enough while nobody else has anything to do.
    let schedulers = node.status()["schedulers"].as_u64().expect("a number");
    let at_least = SPINNING - (schedulers - 1).min(SPINNING);
    wait::until("threads of their own", LIMIT, || (long_runners(&node) >= at_least).then_some(()))
        .expect("the monitor sees them");
    for _ in 0..100 {
        assert_eq!(kept.get("/api/sum/10").expect("an answer beside them").status, 200);
    }
    assert!(node.status()["hand_offs"].as_u64() >= Some(at_least));

    sandbox.edit("src/sum.rs", "(n, 13, \"13 brings bad", "(n, 13, \"13 brings no").expect("edited");
    let new = sandbox.upgrade().expect("an upgrade beside them");
    assert_ne!(new, old);
    let answer = kept.get("/api/version").expect("an answer after");
    assert_eq!(answer.json().expect("JSON")["version"], new.as_str());
    drop(spinning);
    assert!(node.is_alive());
}

/// So many may have threads of their own.
const BOUND: u64 = 1_024;
/// More than the helpers that may be under way as the bound is reached.
const BEYOND: u64 = 100;

/// Beyond the bound they hold schedulers, which is counted and said; who looks from outside is answered all the same.
#[test]
fn more_than_may_have_threads_hold_schedulers_and_the_node_says_so() {
    let (sandbox, mut node) = runaway::node();
    let mut control = Control::open(&node);
    assert!(control.ask(&format!("many {} sleep", BOUND + BEYOND)).starts_with('<'));
    wait::until("each has a thread that may have one", LIMIT, || {
        (number(&node, "long_runners") >= BOUND).then_some(())
    })
    .expect("as many as may be");
    wait::until("schedulers are held", LIMIT, || (refusals(&sandbox) >= 1.0).then_some(())).expect("by the others");
    node.log_line("1024 processes do not give way: the next one holds its scheduler").expect("the log says so");
    assert!(number(&node, "long_runners") < BOUND + BEYOND, "there is a bound");
    assert!(node.is_alive());
}

/// How many could not be taken off their schedulers.
fn refusals(sandbox: &Sandbox) -> f64 {
    let text = sandbox.cli(["metrics"]).expect(0).stdout;
    let line = text.lines().find_map(|line| line.strip_prefix("cargo_system_hand_off_refusals_total "));
    line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no refusals in:\n{text}"))
}

/// Asks for a sum that never ends.
fn spin(node: &Node) -> Connection {
    let mut connection = Connection::open(node.address()).expect("connected");
    connection.send(b"GET /api/sum/-1 HTTP/1.1\r\nHost: node\r\n\r\n").expect("sent");
    connection
}

fn long_runners(node: &Node) -> u64 {
    node.status()["long_runners"].as_u64().unwrap_or(0)
}

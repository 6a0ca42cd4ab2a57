//! A process that does not give way harms no other: not the requests of others, not an upgrade.

use std::time::Duration;
use system_tests::http::Connection;
use system_tests::node::Node;
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

/// Asks for a sum that never ends.
fn spin(node: &Node) -> Connection {
    let mut connection = Connection::open(node.address()).expect("connected");
    connection.send(b"GET /api/sum/-1 HTTP/1.1\r\nHost: node\r\n\r\n").expect("sent");
    connection
}

fn long_runners(node: &Node) -> u64 {
    node.status()["long_runners"].as_u64().unwrap_or(0)
}

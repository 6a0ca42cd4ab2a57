//! What an upgrade means to a connection that is open: each is answered, none is closed without a word.

use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;
use system_tests::example;
use system_tests::http::{Connection, Response, request};
use system_tests::node::Node;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::wait;
use system_tests::websocket::WebSocket;

fn example() -> (Sandbox, Node) {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let node = sandbox.run().expect("the example runs");
    (sandbox, node)
}

/// Edits the code and upgrades; returns the new version.
fn upgrade(sandbox: &Sandbox, edit: u32) -> String {
    example::edit_code(sandbox, edit).expect("an edit");
    sandbox.upgrade().expect("an upgrade")
}

fn version(response: &Response) -> String {
    let json = response.json().expect("a JSON answer");
    json["version"].as_str().expect("a version").to_owned()
}

#[test]
fn an_idle_connection_is_answered_by_the_new_version_on_the_same_socket() {
    let (sandbox, node) = example();
    let mut connection = Connection::open(node.address()).expect("connected");
    let before = version(&connection.get("/api/version").expect("an answer"));
    let after = upgrade(&sandbox, 1);
    assert_ne!(before, after);
    let response = connection.get("/api/version").expect("an answer on the same socket");
    assert_eq!(version(&response), after);
    assert!(!response.closes(), "the connection stays");
    let again = upgrade(&sandbox, 2);
    assert_eq!(version(&connection.get("/api/version").expect("and once more")), again);
}

#[test]
fn a_connection_that_has_sent_nothing_is_answered_by_the_new_version() {
    let (sandbox, node) = example();
    let mut connection = Connection::open(node.address()).expect("connected");
    // Accepted: a later connection has been served.
    system_tests::http::get(node.address(), "/api/version").expect("an answer");
    let after = upgrade(&sandbox, 1);
    assert_eq!(version(&connection.get("/api/version").expect("an answer")), after);
}

#[test]
fn a_request_cut_in_two_by_an_upgrade_is_answered() {
    let (sandbox, node) = example();
    let before = node.version();
    let whole = request("/api/sum/100");
    let (first, second) = whole.split_at(whole.len() / 2);
    let mut fresh = Connection::open(node.address()).expect("connected");
    let mut kept = Connection::open(node.address()).expect("connected");
    kept.get("/api/version").expect("an answer");
    for connection in [&mut fresh, &mut kept] {
        connection.send(first.as_bytes()).expect("half a request");
    }
    let after = upgrade(&sandbox, 1);
    for connection in [&mut fresh, &mut kept] {
        connection.send(second.as_bytes()).expect("the other half");
        let response = connection.response().expect("an answer");
        assert_eq!(response.json().expect("JSON")["sum"], "5050");
        assert!([&before, &after].contains(&&version(&response)));
    }
}

#[test]
fn requests_sent_ahead_are_all_answered_in_order() {
    let (sandbox, node) = example();
    let before = node.version();
    let mut connection = Connection::open(node.address()).expect("connected");
    let ahead = ["/api/slow/6000", "/api/sum/10", "/api/sum/20", "/api/sum/30"].map(request).concat();
    connection.send(ahead.as_bytes()).expect("four requests");
    let after = upgrade(&sandbox, 1);
    let slow = connection.response().expect("the slow answer");
    assert_eq!(version(&slow), before, "answered by the version that accepted it");
    for sum in ["55", "210", "465"] {
        let response = connection.response().expect("an answer to a request sent ahead");
        assert_eq!(response.json().expect("JSON")["sum"], sum);
        assert!([&before, &after].contains(&&version(&response)));
    }
}

#[test]
fn three_versions_live_while_they_have_requests_to_answer() {
    let (sandbox, node) = example();
    let busy = || {
        let mut connection = Connection::open(node.address()).expect("connected");
        connection.send(request("/api/slow/600000").as_bytes()).expect("a request");
        // It is in flight: one that came later has been answered.
        system_tests::http::get(node.address(), "/api/version").expect("an answer");
        connection
    };
    let mut socket = WebSocket::open(node.address(), "/ws/echo").expect("a WebSocket");
    let mut connections = vec![busy()];
    let mut versions = vec![node.version()];
    for edit in [1, 2] {
        versions.push(upgrade(&sandbox, edit));
        connections.push(busy());
    }
    let listed = states(&node.status());
    let expected: Vec<_> = versions.iter().rev().cloned().zip(["current", "draining", "draining"]).collect();
    assert_eq!(listed, expected.iter().map(|(v, s)| (v.clone(), (*s).to_owned())).collect::<Vec<_>>());

    for (closed, left) in [(0, 2), (1, 1)] {
        drop(connections.remove(0));
        let drained = wait::until("the version drains", Duration::from_secs(10), || {
            let listed = states(&node.status());
            (listed.len() == left && listed.iter().all(|(version, _)| *version != versions[closed])).then_some(())
        });
        drained.unwrap_or_else(|error| panic!("{error:#}: {}", node.status()));
    }
    socket.echo("still there").expect("an echo");
}

/// Version and state of each, as `status` lists them: newest first.
fn states(status: &Value) -> Vec<(String, String)> {
    let versions = status["versions"].as_array().expect("versions");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    versions.iter().map(|version| (text(&version["version"]), text(&version["state"]))).collect()
}

#[test]
fn a_listening_socket_outlives_upgrades() {
    let (sandbox, node) = example();
    let before = listening_inode(node.address()).expect("a listening socket");
    for edit in 1..=3 {
        upgrade(&sandbox, edit);
        assert_eq!(listening_inode(node.address()), Some(before), "upgrade {edit} made another socket");
    }
    assert_eq!(node.status()["listeners"][0]["address"], node.address().to_string());
}

/// The inode of the socket that listens there: the kernel's own name for it.
fn listening_inode(address: SocketAddr) -> Option<u64> {
    let port = format!(":{:04X}", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    table.lines().find_map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let listens = fields.get(1)?.ends_with(&port) && *fields.get(3)? == "0A";
        if listens { fields.get(9)?.parse().ok() } else { None }
    })
}

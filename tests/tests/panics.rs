//! A panic ends the one process that panicked.

use system_tests::http::{self, Connection};
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::websocket::WebSocket;

#[test]
fn a_panic_in_a_handler_ends_that_process_alone_and_is_in_the_log() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let mut node = sandbox.run().expect("the example runs");
    let version = node.version();
    let mut kept = Connection::open(node.address()).expect("connected");
    let mut socket = WebSocket::open(node.address(), "/ws/echo").expect("a WebSocket");
    kept.get("/api/sum/10").expect("an answer");
    socket.echo("before").expect("an echo");

    for _ in 0..3 {
        // The connection of the process that panicked is closed, or says that it failed; it never answers with a sum.
        if let Ok(response) = http::get(node.address(), "/api/sum/13") {
            assert_eq!(response.status, 500, "13 has no sum");
        }
        kept.get("/api/sum/10").expect("another connection goes on");
        socket.echo("after").expect("a WebSocket goes on");
    }

    assert!(node.is_alive());
    assert_eq!(node.version(), version);
    let line = node.log_line("panicked").expect("the panic is in the log");
    assert!(line.contains("13"), "its message: {line}");
    assert!(line.contains("src/sum.rs:"), "its location: {line}");
    let event = sandbox.cli(["log", "--json", "--level", "error"]).expect(0).json_lines().swap_remove(0);
    assert!(event["process_type"].as_str().is_some_and(|name| !name.is_empty()), "its process's type: {event}");
    let stack = event["stack"].as_array().expect("its stack");
    let top = &stack[0];
    assert!(top["file"].as_str().is_some_and(|file| file.ends_with("src/sum.rs")) && top["line"].is_u64(), "{event}");
    assert_eq!(top["version"], version.as_str());
    assert!(node.log().contains("\n    sum at "), "for people, too: {}", node.log());
    let pid = line.split_whitespace().find(|word| word.starts_with('<') && word.contains('.'));
    assert!(pid.is_some(), "its pid: {line}");
    assert!(line.contains(&version), "its version: {line}");
}

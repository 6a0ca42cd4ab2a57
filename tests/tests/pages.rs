//! The example's pages, from the side of one who enters what nobody should: each gets an answer on the page, and nobody else notices.

use serde_json::{Value, json};
use std::time::Duration;
use system_tests::http::Connection;
use system_tests::node::Node;
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::wait;
use system_tests::websocket::{FIN, Frame, OPCODE_TEXT, WebSocket, frame};

const LIMIT: Duration = Duration::from_secs(120);
/// A session takes no longer message.
const MESSAGE_LEN_MAX: usize = 1 << 20;

/// An open page.
struct Page(WebSocket);

impl Page {
    fn open(node: &Node, path: &str) -> Self {
        Self(WebSocket::open(node.address(), path).expect("a page"))
    }

    fn send(&mut self, value: &Value) {
        self.0.send_text(&value.to_string()).expect("it is open");
    }

    fn next(&mut self) -> String {
        match self.0.receive().expect("its WebSocket is never closed") {
            Frame::Text(text) => text,
            Frame::Close(code) => panic!("its WebSocket was closed: {code:?}"),
        }
    }

    /// The next fragments that say that.
    fn until(&mut self, said: &str) -> String {
        let found = wait::until(said, LIMIT, || Some(self.next()).filter(|shown| shown.contains(said)));
        found.expect("it is shown")
    }

    /// What comes of a form.
    fn ask(&mut self, value: &Value, said: &str) {
        self.send(value);
        self.until(said);
    }
}

fn run() -> (Sandbox, Node) {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let node = sandbox.run().expect("the example runs");
    (sandbox, node)
}

fn kill_calculation(sandbox: &Sandbox) {
    let found = wait::until("a calculation spins", LIMIT, || {
        let first = &sandbox.ask(&["ps", "-n", "1"])["processes"][0];
        let is_calculation = first["process_type"].as_str().is_some_and(|name| name.contains("calculation"));
        is_calculation.then(|| first["pid"].as_str().unwrap_or_default().to_owned())
    });
    let _killed = sandbox.ask(&["kill", &found.expect("its pid")]);
}

#[test]
fn what_makes_no_sense_is_answered_on_the_sum_page() {
    let (sandbox, node) = run();
    let (mut page, mut other) = (Page::open(&node, "/ws/sum"), Page::open(&node, "/ws/sum"));
    for huge in ["99999999999999999999".to_owned(), "9".repeat(100_000)] {
        page.ask(&json!({ "to": huge }), "= invalid input");
    }
    page.ask(
        &json!({ "to": "<img src=x onerror=alert(1)>" }),
        "∑(1..&lt;img src=x onerror=alert(1)&gt;) = invalid input",
    );
    page.ask(&json!({ "to": 7 }), "= invalid input");
    page.ask(&json!(["to"]), "= invalid input");
    page.ask(&json!({ "to": "0" }), "∑(1..0) = calculating");
    kill_calculation(&sandbox);
    page.until("∑(1..0) = error");

    // A message that is too long ends its own page alone.
    let long = "1".repeat(MESSAGE_LEN_MAX + 1);
    other.0.send_bytes(&frame(FIN | OPCODE_TEXT, long.as_bytes())).expect("sent");
    let end = loop {
        match other.0.receive() {
            Ok(Frame::Text(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end.expect("it is told why"), Frame::Close(Some(1009)));
    page.ask(&json!({ "to": "10" }), "∑(1..10) = 55");
}

#[test]
fn a_thousand_submits_at_once_are_answered_and_disturb_nobody() {
    const SUBMITS: usize = 1000;
    let (_sandbox, node) = run();
    let (mut page, mut other) = (Page::open(&node, "/ws/sum"), Page::open(&node, "/ws/sum"));
    let submit = frame(FIN | OPCODE_TEXT, json!({ "to": "5" }).to_string().as_bytes());
    page.0.send_bytes(&submit.repeat(SUBMITS)).expect("sent");
    other.ask(&json!({ "to": "100" }), "∑(1..100) = 5050");
    let mut answered = 0;
    while answered < SUBMITS {
        let shown = page.next();
        answered += shown.matches("= 15<").count() + shown.matches("= too many at once<").count();
    }
    page.ask(&json!({ "to": "6" }), "∑(1..6) = 21");
}

#[test]
fn services_are_started_once_invoked_and_started_again() {
    let (_sandbox, node) = run();
    let mut page = Page::open(&node, "/ws/services");
    page.ask(&json!({ "start": "clock" }), "clock has started");
    page.ask(&json!({ "start": " clock " }), "a service is named clock already");
    page.ask(&json!({ "invoke": "clock" }), "response from clock on example-app");
    page.ask(&json!({ "start": "<b>" }), "&lt;b&gt; has started");
    page.ask(&json!({ "start": "" }), "a name has 1 to 50 characters");
    page.ask(&json!({ "start": "x".repeat(51) }), "a name has 1 to 50 characters");
    page.ask(&json!({ "invoke": "nobody" }), "nobody: no service has this name");
    page.ask(&json!({ "dance": "clock" }), "that is not understood");
    page.ask(&json!({ "kill": "clock" }), "clock was killed");
    let again = wait::until("it answers again", LIMIT, || {
        page.send(&json!({ "invoke": "clock" }));
        Some(page.until("id=\"said\"")).filter(|shown| shown.contains("response from clock"))
    });
    again.expect("its supervisor has started it again");
    page.ask(&json!({ "stop": "clock" }), "clock was stopped");
    page.ask(&json!({ "invoke": "clock" }), "clock: no service has this name");
}

#[test]
fn the_node_is_seen_on_its_own_pages() {
    let (sandbox, node) = run();
    let version = node.version();
    let mut system = Page::open(&node, "/ws/system");
    let shown = system.until("<h2>Versions</h2>");
    assert!(shown.contains(&format!("<strong>{version}</strong> example-app current")), "{shown}");
    assert!(shown.contains("no upgrade has ended here yet"), "{shown}");

    let mut sum = Page::open(&node, "/ws/sum");
    sum.ask(&json!({ "to": "-1" }), "∑(1..-1) = calculating");
    let mut top = Page::open(&node, "/ws/top");
    let shown = top.until("calculation");
    let (_, from) = shown.split_once("id=\"kill-").expect("a button");
    let pid = from.split('"').next().unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">");
    top.ask(&json!({ "info": pid }), "src/sum.rs:");
    top.ask(&json!({ "trace": pid }), "id=\"detail\"");
    top.ask(&json!({ "kill": pid }), &format!("{} has ended", pid.replace('<', "&lt;").replace('>', "&gt;")));
    sum.until("∑(1..-1) = error");
    top.ask(&json!({ "info": "<999999.1>" }), "there is no process");
    top.ask(&json!({ "info": "1; drop" }), "that is not understood");

    sandbox.edit("src/sum.rs", "13 brings bad luck\");\n    //", "13 brings no luck\");\n    //").expect("the bug");
    let upgraded = sandbox.upgrade().expect("another version");
    let shown = system.until("<h2>History</h2><table>");
    assert!(shown.contains(&format!("<strong>{upgraded}</strong> example-app current")), "{shown}");
    top.until(&format!("session on version {upgraded}"));
    top.until("<table>");
}

#[test]
fn what_makes_no_sense_is_answered_on_the_load_page() {
    let (_sandbox, node) = run();
    let mut page = Page::open(&node, "/ws/load");
    page.ask(&json!({ "jobs": "1000001" }), "jobs: a whole number from 0 to 1000000");
    page.ask(&json!({ "jobs": "<b>" }), "jobs: a whole number");
    page.ask(&json!({ "schedulers": "0" }), "schedulers can be online");
    page.ask(&json!({ "failures": "101" }), "failures: percent, from 0 to 100");
    page.ask(&json!({ "highlight": "usage" }), "value=\"usage\" aria-pressed=\"true\"");
    page.ask(&json!({ "highlight": "usage" }), "value=\"usage\" aria-pressed=\"false\"");
    page.ask(&json!({ "jobs": "7" }), "<dt>jobs</dt><dd>7</dd>");
    page.ask(&json!({ "failures": "100" }), "<dt>failures</dt><dd>100 %</dd>");
    page.ask(&json!({ "reset": "" }), "<dt>jobs</dt><dd>0</dd>");
}

#[test]
fn a_page_of_another_site_gets_no_socket() {
    let (_sandbox, node) = run();
    let asks = |origin: &str| {
        let request = format!(
            "GET /ws/top HTTP/1.1\r\nhost: app\r\norigin: {origin}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let mut connection = Connection::open(node.address()).expect("it listens");
        connection.send(request.as_bytes()).expect("sent");
        connection.response().expect("an answer").status
    };
    assert_eq!((asks("http://evil"), asks("http://app")), (403, 101));
}

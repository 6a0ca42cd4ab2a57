//! An application gives the console functions of its own: each call is a process of the version that is current.

use serde_json::Value;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::raw::{Raw, threads, until_no_thread_is_left};
use system_tests::runaway::{LIMIT, node};
use system_tests::sandbox::Sandbox;
use system_tests::wait;

const ERROR: i32 = 1;
const REFUSED: i32 = 14;
const INTERRUPTED: i32 = 130;

fn eval(sandbox: &Sandbox, expression: &str) -> Value {
    sandbox.cli(["eval", expression, "--json"]).expect(0).json()["value"].clone()
}

/// The sentence that it fails with.
fn refused(sandbox: &Sandbox, expression: &str) -> String {
    sandbox.cli(["eval", expression]).expect(ERROR).complaint().0.unwrap_or_default().to_owned()
}

/// How many processes there are of calls of that function.
fn calls(sandbox: &Sandbox, kind: &str) -> u64 {
    sandbox.ask(&["ps", "--filter", kind])["matched"].as_u64().expect("a number")
}

fn until_no_call_is_left(sandbox: &Sandbox) {
    let is_over = || (calls(sandbox, "exported") == 0).then_some(());
    wait::until("no call is left", LIMIT, is_over).expect("its process ends with it");
}

#[test]
fn functions_are_called_with_arguments_and_answer() {
    let (sandbox, mut node) = node();
    assert_eq!(eval(&sandbox, "twice(21)"), 42);
    assert_eq!(eval(&sandbox, "[1, 2].map(|n| twice(n))"), serde_json::json!([2, 4]));
    assert_eq!(eval(&sandbox, "nothing()"), Value::Null);
    assert_eq!(eval(&sandbox, "joined(\"a\", 1, true)"), "a 1 true");
    for (expression, says) in [
        ("twice()", "twice: it takes arguments"),
        ("twice(\"a\")", "twice: the argument is not understood"),
        ("twice(1, 2)", "twice: the 2 arguments are not understood"),
        ("twice(9223372036854775807)", "twice: it is too large"),
        ("explode()", "explode: it panicked: "),
        ("long(2000000)", "long: the answer takes more than 1048576 bytes"),
        ("thrice(1)", "thrice"),
    ] {
        let said = refused(&sandbox, expression);
        assert!(said.contains(says), "{expression}: {said}");
    }
    assert!(eval(&sandbox, "help()").as_str().expect("text").contains("joined(…)"));
    let mut console = Raw::console(&node);
    let ready = console.hear().expect("ready");
    assert!(ready["functions"].as_array().expect("names").iter().any(|name| name == "twice"), "{ready}");
    drop(console);
    assert_eq!(eval(&sandbox, "twice(1)"), 2);
    until_no_call_is_left(&sandbox);
    until_no_thread_is_left(&node);
    assert!(node.is_alive());
}

/// Ctrl-C, once its process is there.
fn interrupted(sandbox: &Sandbox, node: &Node, expression: &str) -> Option<i32> {
    let mut child = sandbox.cli(["eval", expression]).into_command().spawn().expect("started");
    wait::until("it is called", LIMIT, || (threads(node) > 0 && calls(sandbox, "exported") > 0).then_some(()))
        .expect("a process of its own");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a child of ours");
    child.wait().expect("it ends").code()
}

#[test]
fn a_call_is_killed_when_nobody_waits_for_it_any_more() {
    let (sandbox, mut node) = node();
    for expression in ["rest(600000)", "spin()"] {
        assert_eq!(interrupted(&sandbox, &node, expression), Some(INTERRUPTED), "{expression}");
        until_no_call_is_left(&sandbox);
    }
    let late = sandbox.cli(["eval", "rest(600000)", "--timeout", "0.2"]).expect(ERROR);
    assert!(late.complaint().0.is_some_and(|error| error.contains("took too long")), "{}", late.stderr);
    until_no_call_is_left(&sandbox);
    let mut client = sandbox.cli(["eval", "rest(600000)"]).into_command().spawn().expect("started");
    wait::until("it is called", LIMIT, || (calls(&sandbox, "exported") > 0).then_some(())).expect("it is");
    client.kill().expect("killed");
    client.wait().expect("gone");
    until_no_call_is_left(&sandbox);
    until_no_thread_is_left(&node);
    assert_eq!(eval(&sandbox, "twice(1)"), 2);
    assert!(node.is_alive());
}

#[test]
fn a_session_calls_the_version_that_is_current() {
    let (sandbox, node) = node();
    let mut console = Raw::console(&node);
    assert_eq!(console.hear().expect("ready")["output"], "ready");
    let mut evaluate = |text: &str| {
        console.say(&format!("{{\"input\":\"eval\",\"text\":\"{text}\"}}\n"));
        console.hear().expect("an answer")
    };
    assert_eq!(evaluate("twice(2)")["value"], 4);
    sandbox.edit("src/exported.rs", "n.checked_mul(2)", "n.checked_mul(3)").expect("an edit");
    sandbox.edit("src/exported.rs", "console(\"nothing\"", "console(\"naught\"").expect("an edit");
    sandbox.upgrade().expect("an upgrade");
    assert_eq!(evaluate("twice(2)")["value"], 6);
    assert_eq!(evaluate("naught()")["output"], "value");
    let gone = evaluate("nothing()");
    assert!(gone["message"].as_str().expect("a message").contains("has it no more"), "{gone}");

    let before = node.version();
    sandbox.edit("src/exported.rs", "console(\"naught\"", "console(\"top\"").expect("an edit");
    let said = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(said.stderr.contains("\"top\" has a name that the console has itself"), "{}", said.stderr);
    assert_eq!(node.version(), before);
    assert_eq!(evaluate("top(0.1).len() > 0")["value"], true);
}

#[test]
fn of_several_plugins_each_has_its_name_before_its_functions() {
    let sandbox = Sandbox::new("shop").expect("the fixture builds");
    let _node = sandbox.run().expect("a node");
    assert_eq!(eval(&sandbox, "stock_answer()"), 42);
    assert!(refused(&sandbox, "answer()").contains("answer"));
}

#[test]
fn the_example_sums_in_its_nodes_console() {
    let sandbox = Sandbox::new(system_tests::sandbox::EXAMPLE).expect("the example builds");
    let _node = sandbox.run().expect("a node");
    assert_eq!(eval(&sandbox, "sum(100)"), "5050");
    assert!(refused(&sandbox, "sum(13)").contains("sum: the calculation died"));
    let endless = sandbox.cli(["eval", "sum(-1)", "--timeout", "0.2"]).expect(ERROR);
    assert!(endless.complaint().0.is_some_and(|error| error.contains("took too long")), "{}", endless.stderr);
    let is_over = || (calls(&sandbox, "sum") == 0).then_some(());
    wait::until("no calculation is left", Duration::from_secs(30), is_over).expect("it is killed");
}

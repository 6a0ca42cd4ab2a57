//! A person talks with a running node: expressions in, values out, and nothing of it disturbs the node.

use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, node};
use system_tests::sandbox::Sandbox;
use system_tests::terminal::Terminal;
use system_tests::wait;

const ERROR: i32 = 1;

fn eval(sandbox: &Sandbox, expression: &str) -> Value {
    sandbox.cli(["eval", expression, "--json"]).expect(0).json()["value"].clone()
}

/// The sentence that it fails with.
fn refused(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let said = sandbox.cli(["eval"]).args(arguments).expect(ERROR);
    said.complaint().0.unwrap_or_default().to_owned()
}

/// Threads of the node that consoles are served by.
fn threads(node: &Node) -> usize {
    named(node, &["console", "control-client"]).len()
}

/// Folders of the node's threads whose names begin so.
fn named(node: &Node, names: &[&str]) -> Vec<PathBuf> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.os_pid())).expect("its threads");
    let is_named = |task: &PathBuf| {
        let own = std::fs::read_to_string(task.join("comm")).unwrap_or_default();
        names.iter().any(|name| own.starts_with(name))
    };
    tasks.filter_map(|task| Some(task.ok()?.path())).filter(is_named).collect()
}

/// Processor time that expressions have used, of the consoles that are open.
fn time_of_consoles(node: &Node) -> Duration {
    let used = |task: PathBuf| {
        let stat = std::fs::read_to_string(task.join("schedstat")).ok()?;
        stat.split(' ').next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(named(node, &["console"]).into_iter().filter_map(used).sum())
}

fn until_no_thread_is_left(node: &Node) {
    wait::until("nothing is left", LIMIT, || (threads(node) == 0).then_some(())).expect("no console leaks");
}

/// A client of our own.
struct Raw(BufReader<UnixStream>);

impl Raw {
    fn open(node: &Node) -> Self {
        let stream = UnixStream::connect(node.root().join("run/control.sock")).expect("connected");
        stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
        let mut raw = Self(BufReader::new(stream));
        raw.say("{\"schema\":1,\"command\":\"console\"}\n");
        raw
    }

    fn say(&mut self, text: &str) {
        // The node may have hung up.
        let _: std::io::Result<()> = self.0.get_mut().write_all(text.as_bytes());
    }

    fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        let len = self.0.read_line(&mut line).ok()?;
        (len > 0).then(|| serde_json::from_str(&line).expect("JSON"))
    }
}

#[test]
fn expressions_reach_the_processes() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let pid = control.start("receive");
    assert_eq!(eval(&sandbox, "1 + 2"), 3);
    assert_eq!(eval(&sandbox, &format!("info(\"{pid}\").pid")), pid.as_str());
    assert_eq!(eval(&sandbox, "processes().filter(|p| p.process_type.contains(\"receive\")).len()"), 1);
    assert_eq!(eval(&sandbox, "versions()[0].version"), node.version());
    assert_eq!(eval(&sandbox, "tree()[0].state"), "current");
    assert_eq!(eval(&sandbox, "whereis(\"nobody\")"), Value::Null);
    assert_eq!(eval(&sandbox, "top(0.1).len() > 0"), true);
    assert_eq!(eval(&sandbox, &format!("stack(\"{pid}\").state")), "waiting");

    assert_eq!(eval(&sandbox, &format!("send(\"{pid}\", 7)")), Value::Null);
    wait::until("it is received", LIMIT, || (eval(&sandbox, &format!("info(\"{pid}\").received")) == 1).then_some(()))
        .expect("received");
    assert!(refused(&sandbox, &[&format!("send(\"{pid}\", \"seven\")")]).contains("is no u64"));
    assert_eq!(eval(&sandbox, &format!("kill(\"{pid}\").has_ended")), true);
    assert!(refused(&sandbox, &[&format!("info(\"{pid}\")")]).contains("there is no process"));
    assert!(refused(&sandbox, &["info(12)"]).contains("names no process"));
    assert!(refused(&sandbox, &["stack(#{})"]).contains("names no process"));
    assert!(refused(&sandbox, &["1 +"]).contains("line 1"));
    until_no_thread_is_left(&node);
}

#[test]
fn what_runs_away_is_broken_off_and_the_node_serves() {
    let (sandbox, mut node) = node();
    let mut control = Control::open(&node);
    assert!(refused(&sandbox, &["loop {}", "--timeout", "0.2"]).contains("too long"));
    for expression in [
        "let a = []; loop { a.push(a) }",
        "let s = \"x\"; loop { s += s }",
        "fn f(n) { f(n + 1) } f(0)",
        "blob(100000000000)",
    ] {
        let message = refused(&sandbox, &[expression]);
        assert!(!message.is_empty() && !message.contains("took too long"), "{expression}: {message}");
    }
    assert_eq!(control.ask("nap"), "rested");
    assert!(node.is_alive());
    until_no_thread_is_left(&node);
}

#[test]
fn standard_input_is_evaluated_to_its_end() {
    let (sandbox, _node) = node();
    let mut command = sandbox.cli(["console", "--json"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(b"let x = [\n1,\n2]\n\nx.len()\nfn twice(n) {\n  n * 2\n}\ntwice(x[1])").expect("written");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let values: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["value"].clone())
        .collect();
    assert_eq!(values, [Value::Null, json!(2), Value::Null, json!(4)]);
}

#[test]
fn a_client_that_is_killed_leaves_nothing() {
    let (sandbox, mut node) = node();
    let mut control = Control::open(&node);
    let mut client = sandbox.cli(["eval", "loop {}"]).into_command().spawn().expect("started");
    wait::until("it is evaluated", LIMIT, || (threads(&node) >= 2).then_some(())).expect("a thread of its own");
    client.kill().expect("killed");
    client.wait().expect("it has ended");
    until_no_thread_is_left(&node);
    assert_eq!(control.ask("nap"), "rested");
    assert!(node.is_alive());
}

#[test]
fn an_interrupt_ends_an_evaluation_and_not_the_session() {
    let (_sandbox, node) = node();
    let mut raw = Raw::open(&node);
    assert_eq!(raw.hear().expect("ready")["output"], "ready");
    raw.say("{\"input\":\"eval\",\"text\":\"let kept = 5; loop {}\"}\n");
    raw.say("{\"input\":\"eval\",\"text\":\"1\"}\n");
    let busy = raw.hear().expect("an answer");
    assert!(busy["message"].as_str().expect("a message").contains("another evaluation lasts"), "{busy}");
    raw.say("{\"input\":\"interrupt\"}\n");
    assert_eq!(raw.hear().expect("an answer")["message"], "interrupted");
    raw.say("{\"input\":\"interrupt\"}\n{\"input\":\"eval\",\"text\":\"kept\"}\n");
    assert_eq!(raw.hear().expect("an answer")["value"], 5, "variables last, and a late interrupt hits nobody");
}

#[test]
fn rubbish_half_lines_and_clients_that_do_not_read_harm_nobody() {
    let (sandbox, mut node) = node();
    let mut rubbish = Raw::open(&node);
    assert_eq!(rubbish.hear().expect("ready")["output"], "ready");
    for line in ["\n", "sing\n", "{}\n", "{\"input\":\"dance\"}\n", "[1]\n"] {
        rubbish.say(line);
        let answer = rubbish.hear().expect("an answer");
        assert!(answer["message"].as_str().expect("a message").contains("not understood"), "{line:?}: {answer}");
    }
    rubbish.say(&"x".repeat(1 << 20));
    assert!(rubbish.hear().is_none(), "a line without end ends the session");

    let mut half = Raw::open(&node);
    assert_eq!(half.hear().expect("ready")["output"], "ready");
    half.say("{\"input\":\"ev");
    assert!(half.hear().is_none(), "half a line is not waited for without end");

    let mut deaf = Raw::open(&node);
    deaf.say("{\"input\":\"eval\",\"text\":\"loop { print(\\\"0123456789\\\") }\"}\n");
    wait::until("it is given up", LIMIT, || (threads(&node) == 0).then_some(())).expect("nobody reads that");
    drop(deaf);
    assert_eq!(eval(&sandbox, "1"), 1);
    assert!(node.is_alive());
}

#[test]
fn a_hundred_clients_at_once_are_served_or_told() {
    let (sandbox, mut node) = node();
    let mut clients: Vec<_> = (0..100).map(|_| Raw::open(&node)).collect();
    let answers: Vec<Value> = clients.iter_mut().map(|client| client.hear().expect("an answer")).collect();
    let served = answers.iter().filter(|answer| answer["output"] == "ready").count();
    assert!((1..=64).contains(&served), "{served}");
    for told in answers.iter().filter(|answer| answer["output"] != "ready") {
        assert!(told["message"].as_str().expect("a message").contains("64 clients"), "{told}");
    }
    drop(clients);
    until_no_thread_is_left(&node);
    assert_eq!(eval(&sandbox, "1"), 1);
    assert!(node.is_alive());
}

#[test]
fn one_spinner_among_ten_thousand_is_found_and_ended() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    control.ask("many 10000 nap");
    let spinner = control.start("spin");
    control.until_it_has_used(Duration::from_millis(50), &spinner);
    let home = sandbox.beside("home");
    std::fs::create_dir_all(&home).expect("a home");
    let cli = sandbox.cli(["console"]).env("HOME", &home).without("XDG_STATE_HOME").without("NO_COLOR");
    let mut terminal = Terminal::start(cli, 100, 40).expect("a terminal");
    terminal.until("help() says what there is");
    terminal.press("let p = top()[0].pid; p\r");
    terminal.until(&format!("\"{spinner}\""));
    terminal.press("stack(p)\r");
    let stack = terminal.until("kinds.rs:");
    assert!(stack.contains("spin"), "{stack}");
    terminal.press("kill(p).has_ended\r");
    terminal.until("true");
    assert_eq!(control.ask(&format!("wait {spinner}")), "no such process");
    terminal.press("top(0.5)[0].cpu_percent < 50.0\r");
    terminal.until("true");
    terminal.press("proc\t");
    terminal.until("processes");
    // The editor forgets what is pressed together with Ctrl-C.
    terminal.press("\x03");
    terminal.until("runaway");
    terminal.press("loop {}\r");
    let idle = time_of_consoles(&node);
    let loops = || (time_of_consoles(&node) > idle + Duration::from_millis(50)).then_some(());
    wait::until("the expression loops", LIMIT, loops).expect("it uses a processor");
    terminal.press("\x04");
    drop(terminal);
    until_no_thread_is_left(&node);
    let history = std::fs::read_to_string(home.join(".local/state/cargo-system/console-history")).unwrap_or_default();
    assert!(history.is_empty() || history.contains("stack(p)"), "{history}");
}

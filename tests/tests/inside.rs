//! A person looks inside a running node: lists, shares, trees, stacks, and a kill.

use serde_json::Value;
use std::time::{Duration, Instant};
use system_tests::cli::Said;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, node};
use system_tests::sandbox::Sandbox;
use system_tests::wait;

const ERROR: i32 = 1;
const USAGE: i32 = 2;

fn complaint(said: &Said) -> &str {
    said.complaint().0.unwrap_or_default()
}

/// Functions, files and lines of a process's stacks, innermost first.
fn frames(stack: &Value) -> Vec<(String, String, u64)> {
    let stacks = stack["stacks"].as_array().expect("stacks");
    let frame = |frame: &Value| {
        let text = |field: &str| frame[field].as_str().unwrap_or_default().to_owned();
        (text("function"), text("file"), frame["line"].as_u64().unwrap_or(0))
    };
    stacks.iter().flat_map(|frames| frames.as_array().expect("frames")).map(frame).collect()
}

/// The first line of the fixture's file that contains this.
fn line_of(sandbox: &Sandbox, text: &str) -> u64 {
    let source = std::fs::read_to_string(sandbox.package().join("src/kinds.rs")).expect("the fixture");
    source.lines().position(|line| line.contains(text)).expect("it is there") as u64 + 1
}

/// The stack shows that place of the fixture.
fn has_line(frames: &[(String, String, u64)], line: u64) -> bool {
    frames.iter().any(|(_, file, at)| file.ends_with("src/kinds.rs") && *at == line)
}

fn end(sandbox: &Sandbox, pid: &str) {
    assert_eq!(sandbox.ask(&["kill", pid])["has_ended"], true);
}

fn started(node: &Node, kind: &str) -> (Control, String) {
    let mut control = Control::open(node);
    let pid = control.start(kind);
    (control, pid)
}

#[test]
fn processes_are_listed_with_what_they_use() {
    let (sandbox, node) = node();
    let (mut control, spinner) = started(&node, "keep");
    control.until_it_has_used(Duration::from_millis(100), &spinner);
    let waiting = control.start("receive");
    let listed = sandbox.ask(&["ps", "-n", "3"]);
    let processes = listed["processes"].as_array().expect("processes");
    assert_eq!(processes[0]["pid"], spinner.as_str(), "most processor time first: {listed}");
    assert!(
        ["long runner", "running", "paused"].contains(&processes[0]["state"].as_str().expect("a state")),
        "{listed}"
    );
    assert!(processes[0]["memory_bytes"].as_i64().expect("a number") >= 1_000_000, "{listed}");
    assert_eq!(processes.len(), 3);
    assert!(listed["total"].as_u64().expect("a number") >= 4, "{listed}");

    let info = wait::until("it waits", LIMIT, || {
        let info = sandbox.ask(&["info", &waiting]);
        (info["state"] == "waiting").then_some(info)
    });
    let info = info.expect("it receives");
    assert_eq!((&info["polls"], &info["mailbox"]), (&1.into(), &0.into()), "{info}");
    assert_eq!(info["version"], node.version());
    assert!(info["process_type"].as_str().expect("text").contains("receive"), "{info}");
    assert!(info["uptime_ms"].as_u64().expect("a number") < 600_000, "{info}");

    let bare = waiting.trim_matches(['<', '>']);
    let text = sandbox.cli(["info", bare]).expect(0).stdout;
    assert!(text.starts_with(&format!("pid       {waiting}\n")), "{text}");
    let filtered = sandbox.ask(&["ps", "--filter", "receive", "--sort", "uptime"]);
    assert_eq!(filtered["matched"], 1, "{filtered}");
    let all = sandbox.cli(["ps", "--all", "--json"]).expect(0).json_lines();
    let total = all.last().expect("the end")["total"].as_u64().expect("a number");
    assert_eq!(all.len() as u64, total + 1, "a line each, and the end");
    assert_eq!(control.ask(&format!("kill {spinner}")), "killed");
}

#[test]
fn a_pid_that_is_malformed_or_gone_is_said_so() {
    let (sandbox, node) = node();
    let (mut control, pid) = started(&node, "end");
    wait::until("it ends", LIMIT, || (control.ask(&format!("info {pid}")) == "dead").then_some(())).expect("dead");
    for command in ["info", "stack", "kill"] {
        let said = sandbox.cli([command, &pid]).expect(ERROR);
        assert_eq!(complaint(&said), format!("there is no process {pid}: it has ended, or never was"));
        assert_eq!(said.complaint().1, Some("cargo system ps lists those that are there"));
        for malformed in ["", "1", "a.b", "<1.2", "1.0", "99999999999.1", "<1.1> x"] {
            let said = sandbox.cli([command, malformed]).expect(ERROR);
            assert!(complaint(&said).ends_with("is no pid; pids look like <12.3>, or 12.3"), "{}", said.stderr);
        }
        let said = sandbox.cli([command, "4294967295.4294967295"]).expect(ERROR);
        assert!(complaint(&said).contains("there is no process"), "{}", said.stderr);
    }
    for wrong in [["top", "--interval", "0"], ["ps", "--sort", "beauty"]] {
        assert!(!sandbox.cli(wrong).expect(USAGE).stderr.is_empty());
    }
}

#[test]
fn the_nodes_own_processes_are_not_killed() {
    let (sandbox, _node) = node();
    let listed = sandbox.ask(&["ps", "-n", "100"]);
    let processes = listed["processes"].as_array().expect("processes");
    let own = processes.iter().find(|process| process["version"] == env!("CARGO_PKG_VERSION")).expect("an acceptor");
    let said = sandbox.cli(["kill", own["pid"].as_str().expect("a pid")]).expect(ERROR);
    assert!(complaint(&said).contains("is the node's own"), "{}", said.stderr);
}

#[test]
fn shares_name_the_culprit_and_sum_to_what_schedulers_use() {
    let (sandbox, node) = node();
    let (mut control, spinner) = started(&node, "spin");
    control.until_it_has_used(Duration::from_millis(50), &spinner);
    control.ask("many 1000 nap");
    let top = sandbox.ask(&["top", "--once", "--interval", "2"]);
    assert_eq!(top["processes"][0]["pid"], spinner.as_str(), "{top}");
    let function = |process: &Value| process["current"].as_str().unwrap_or_default().to_owned();
    // Of those that wait, too, if they have used a processor.
    let nap = format!("kinds.rs:{}", line_of(&sandbox, "time::sleep(Duration::from_millis(50)).await"));
    wait::until("it is told where they are", LIMIT, || {
        let top = sandbox.ask(&["top", "--once", "--interval", "0.2"]);
        let processes = top["processes"].as_array().expect("processes");
        let naps = processes.iter().any(|process| function(process).ends_with(&nap));
        (naps && function(&processes[0]).contains("spin kinds.rs:")).then_some(())
    })
    .expect("a function each");
    assert!(sandbox.ask(&["info", &spinner])["current"].as_str().is_some_and(|name| name.contains("spin")));
    let number = |field: &str| top[field].as_f64().expect("a number");
    let (schedulers, processes) = (number("schedulers_percent"), number("processes_percent"));
    let share = top["processes"][0]["cpu_percent"].as_f64().expect("a share");
    // Beside other programs it may get little, but nobody gets what nobody has used.
    assert!(share > 1.0 && processes >= share - 0.01, "{top}");
    assert!(processes <= schedulers * 1.1 + 5.0, "shares sum to no more than there is: {top}");
    assert!(processes >= schedulers * 0.5 - 5.0, "and to most of it, with a spinner: {top}");
    assert_eq!(control.ask(&format!("kill {spinner}")), "killed");
}

#[test]
fn a_spinning_process_shows_its_line_and_loses_little_time() {
    let (sandbox, node) = node();
    let (mut control, spinner) = started(&node, "spin");
    control.until_it_has_used(Duration::from_millis(5), &spinner);
    let line = line_of(&sandbox, "        act();") - 1;
    let mut has_inlined = false;
    for _ in 0..3 {
        let stack = sandbox.ask(&["stack", &spinner]);
        let frames = frames(&stack);
        let is_in_spin = |(function, file, at): &(String, String, u64)| {
            function.contains("spin") && file.ends_with("src/kinds.rs") && (line - 1..=line + 3).contains(at)
        };
        assert!(frames.iter().any(is_in_spin), "{stack:#}");
        assert!(has_line(&frames, line_of(&sandbox, "\"spin\" => spawn")), "inlined or not, who called it: {stack:#}");
        assert!(stack["cost_ns"].as_u64().expect("a number") < 100_000, "{stack:#}");
        let frames = stack["stacks"][0].as_array().expect("frames");
        has_inlined |= frames.iter().any(|frame| frame["is_inlined"] == true);
    }
    assert!(has_inlined, "optimised code has functions that are inlined, and they are said to be");
    // One that is paused, among others, too.
    let others: Vec<_> = (0..6).map(|_| control.start("spin")).collect();
    control.until_it_has_used(Duration::from_millis(40), &others[5]);
    for pid in &others {
        let frames = frames(&sandbox.ask(&["stack", pid]));
        assert!(frames.iter().any(|(function, ..)| function.contains("spin")), "{frames:?}");
    }
    let text = sandbox.cli(["stack", &spinner]).expect(0).stdout;
    assert!(text.contains("src/kinds.rs:"), "{text}");
    for pid in others.iter().chain([&spinner]) {
        end(&sandbox, pid);
    }
}

#[test]
fn a_waiting_process_shows_where_it_awaits() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    for (kind, lines) in [
        ("sleep_in_turn", &["time::sleep(FOR_EVER).await", "        rest().await;"][..]),
        ("receive", &["mailbox.receive().await"]),
        ("either", &["time::timeout(FOR_EVER, never).await"]),
        ("nap", &["time::sleep(Duration::from_millis(50)).await"]),
    ] {
        let pid = control.start(kind);
        // Twice: nothing of it is used up.
        for _ in 0..2 {
            let stack = sandbox.ask(&["stack", &pid]);
            let frames = frames(&stack);
            for line in lines {
                assert!(has_line(&frames, line_of(&sandbox, line)), "{kind}: no {line}: {stack:#}");
            }
        }
        end(&sandbox, &pid);
    }
}

#[test]
fn a_process_that_waits_for_its_turn_shows_where_it_gave_way() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let last = control.ask("many 200 chatter");
    let line = line_of(&sandbox, "yield_now().await");
    let runnable = wait::until("it is found between two turns", LIMIT, || {
        let stack = sandbox.ask(&["stack", &last]);
        assert!(has_line(&frames(&stack), line), "{stack:#}");
        (stack["state"] == "runnable").then_some(())
    });
    runnable.expect("of 200, most wait for their turn");
}

#[test]
fn a_blocked_process_shows_its_system_call() {
    let (sandbox, node) = node();
    let (mut control, pid) = started(&node, "read");
    wait::until("it blocks", LIMIT, || (sandbox.ask(&["info", &pid])["state"] != "runnable").then_some(()))
        .expect("it runs");
    let stack = sandbox.ask(&["stack", &pid]);
    assert!(has_line(&frames(&stack), line_of(&sandbox, "reader.read(&mut [0])")), "{stack:#}");
    assert!(control.ask("dropped").parse::<u64>().is_ok(), "others go on");
}

#[test]
fn stacks_of_every_version_are_named() {
    let (sandbox, node) = node();
    let old = started(&node, "sleep_in_turn").1;
    sandbox.edit("src/kinds.rs", "/// Waits for a timer, two", "\n\n/// Waits for a timer, two").expect("an edit");
    let before = node.version();
    let after = sandbox.upgrade().expect("an upgrade");
    assert_ne!(before, after);
    let new = started(&node, "sleep_in_turn").1;
    let line = line_of(&sandbox, "time::sleep(FOR_EVER).await");
    for (pid, version, line) in [(&old, &before, line - 2), (&new, &after, line)] {
        let stack = sandbox.ask(&["stack", pid]);
        assert_eq!(stack["version"], version.as_str());
        assert!(has_line(&frames(&stack), line), "line {line}: {stack:#}");
        assert_eq!(stack["stacks"][0][0]["version"], version.as_str());
    }
    let tree = sandbox.ask(&["tree"]);
    let versions: Vec<_> = tree["versions"].as_array().expect("versions").iter().map(|tree| &tree["version"]).collect();
    assert_eq!(versions, [after.as_str(), before.as_str()]);
}

#[test]
fn a_supervisors_tree_is_shown() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let _node = sandbox.run().expect("a node");
    let tree = sandbox.ask(&["tree"]);
    let root = &tree["versions"][0]["root"];
    assert!(root["pid"].as_str().expect("a root").starts_with('<'), "{tree}");
    assert!(!root["children"].as_array().expect("children").is_empty(), "{tree}");
    let text = sandbox.cli(["tree"]).expect(0).stdout;
    assert!(text.contains("└ "), "{text}");
}

#[test]
fn a_kill_with_a_reason_is_a_signal() {
    let (sandbox, node) = node();
    let (mut control, pid) = started(&node, "await");
    let said = sandbox.cli(["kill", &pid, "--reason", "shutdown"]).expect(0);
    assert!(said.stdout.contains("has ended"), "{}", said.stdout);
    assert_eq!(control.ask(&format!("wait {pid}")), "no such process");
}

#[test]
fn a_million_processes_are_looked_through() {
    let sandbox = Sandbox::new("bench").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let mut control = Control::open(&node);
    assert!(!control.ask("idle 1000000").starts_with("error"));
    for arguments in [&["ps"][..], &["top", "--once", "--interval", "0.05"]] {
        let begun = Instant::now();
        let listed = sandbox.ask(arguments);
        let took = begun.elapsed();
        assert!(listed["total"].as_u64().expect("a number") >= 1_000_000, "{listed}");
        // A time for a machine that does something else as well; benchmarks have the real one.
        assert!(took < Duration::from_secs(20), "{arguments:?}: {took:?}");
    }
}

//! A person traces a process of a running node: its messages, polls, ties and end, in order, and nothing is left of it.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use system_tests::runaway::{Control, LIMIT, node};
use system_tests::sandbox::Sandbox;
use system_tests::wait;

const ERROR: i32 = 1;
const USAGE: i32 = 2;
/// So many traces a node takes at a time.
const TRACES_MAX: usize = 8;

/// The events of a trace, and its end.
fn trace(sandbox: &Sandbox, arguments: &[&str]) -> (Vec<Value>, Value) {
    let mut lines = sandbox.cli(["trace", "--json"]).args(arguments).expect(0).json_lines();
    let end = lines.pop().expect("an end");
    assert_eq!(end["outcome"], "traced", "{end}");
    assert_eq!(end["events"], lines.len(), "{end}");
    (lines, end)
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

/// Each event is no earlier than the one before.
fn is_in_order(events: &[Value]) -> bool {
    events.is_sorted_by_key(|event| event["at_ns"].as_u64().expect("a time"))
}

#[test]
fn messages_and_polls_of_both_sides_are_told_in_order() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let talker = control.start("talk");
    let (events, end) = trace(&sandbox, &[&talker, "--for", "10s", "--count", "12"]);
    assert_eq!((&end["because"], events.len()), (&"count".into(), 12), "{end}");
    assert!(is_in_order(&events), "{events:?}");
    let sent = events.iter().find(|event| event["event"] == "sent").expect("it talks");
    assert_eq!(sent["message_type"], "u64", "{sent}");
    // What it does in a poll comes before the poll's end.
    let told = names(&events);
    assert!(told.windows(2).any(|two| two == ["sent", "polled"]), "{told:?}");
    assert!(events.iter().filter(|event| event["event"] == "polled").all(|poll| poll["outcome"] == "pending"));

    let talker = control.start("talk");
    let (events, _) = trace(&sandbox, &[&talker, "-n", "1"]);
    let first = events.first().expect("one event");
    let listener = match first["to"].as_str() {
        Some(pid) => pid.to_owned(),
        None => trace(&sandbox, &[&talker, "-n", "4"])
            .0
            .iter()
            .find_map(|event| event["to"].as_str())
            .expect("sent")
            .to_owned(),
    };
    let (events, end) = trace(&sandbox, &[&listener, "--for", "20s"]);
    assert!(is_in_order(&events), "{events:?}");
    assert_eq!(end["because"], "ended", "it ends when it has heard enough: {end}");
    let told = names(&events);
    let count = |name: &str| told.iter().filter(|told| **told == name).count();
    assert_eq!(count("arrived"), count("received"), "{told:?}");
    assert!(count("arrived") > 5, "{told:?}");
    let arrived = events.iter().find(|event| event["event"] == "arrived").expect("a message");
    assert_eq!((&arrived["from"], &arrived["message_type"]), (&talker.as_str().into(), &"u64".into()));
    let last = events.last().expect("an end");
    assert_eq!((&last["event"], &last["reason"]), (&"ended".into(), &"normal".into()), "{told:?}");
}

#[test]
fn ties_signals_and_a_persons_messages_are_told() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let listener = control.start("receive");
    let command = &mut sandbox.cli(["trace", &listener, "--for", "5m"]).into_command();
    let mut client = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a client");
    let mut lines = BufReader::new(client.stdout.take().expect("piped"));
    let (mut told, mut lines) = std::thread::scope(|scope| {
        let first = scope.spawn(move || {
            let mut line = String::new();
            lines.read_line(&mut line).expect("an event");
            (line, lines)
        });
        let send = || {
            let _ = sandbox.cli(["eval", &format!("send(\"{listener}\", 7)")]).expect(0);
            first.is_finished().then_some(())
        };
        wait::until("it is traced", LIMIT, send).expect("a message is told");
        first.join().expect("read")
    });
    assert_eq!(control.ask(&format!("kill {listener}")), "killed");
    lines.read_to_string(&mut told).expect("it ends with its process");
    let said = client.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{said:?}");
    let words: Vec<Vec<&str>> = told.lines().map(|line| line.split_whitespace().skip(1).collect()).collect();
    let has = |words_of: &[&str]| words.iter().any(|line| line.starts_with(words_of));
    for line in [&["arrived", "u64"][..], &["received", "u64"], &["monitored", "by"], &["ended", "killed"]] {
        assert!(has(line), "no {line:?}:\n{told}");
    }
    let complaint = String::from_utf8_lossy(&said.stderr);
    assert!(complaint.contains(&format!("of {listener}: it has ended")), "{complaint}");
}

#[test]
fn what_does_not_fit_is_counted() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let busy = control.start("chatter");
    let (events, end) = trace(&sandbox, &[&busy, "--for", "100ms", "--count", "1000000"]);
    assert!(is_in_order(&events));
    let lost = events.iter().filter_map(|event| event["events"].as_u64()).sum::<u64>();
    assert_eq!(end["lost"], lost, "{end}");
    assert!(lost > 0, "a poll takes less than a microsecond, and nobody reads as fast: {end}");
    assert_eq!(control.ask(&format!("kill {busy}")), "killed");
}

#[test]
fn clients_that_are_killed_leave_nothing_traced() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let pid = control.start("nap");
    let start = || {
        let mut command = sandbox.cli(["trace", &pid, "--for", "10m"]).into_command();
        let mut client = command.stdout(Stdio::piped()).spawn().expect("a client");
        let (mut line, mut reader) = (String::new(), BufReader::new(client.stdout.take().expect("piped")));
        reader.read_line(&mut line).expect("an event");
        assert!(line.contains("polled"), "{line}");
        // As long as somebody reads what it says, it goes on.
        (client, reader)
    };
    // Each of them has heard something, so it is among those that there is room for.
    let mut clients: Vec<_> = (0..TRACES_MAX).map(|_| start()).collect();
    let said = sandbox.cli(["trace", &pid]).expect(ERROR);
    assert_eq!(said.complaint().0, Some("8 traces go on already; one of them must end first"));
    for (client, _) in &mut clients {
        client.kill().expect("killed");
        client.wait().expect("gone");
    }
    let mut free = || sandbox.cli(["trace", &pid, "--count", "1"]).run().is_ok_and(|said| said.code == 0).then_some(());
    wait::until("there is room again", LIMIT, &mut free).expect("nothing is left");
    let others: Vec<_> = (0..TRACES_MAX).map(|_| start()).collect();
    for (mut client, _) in others {
        client.kill().expect("killed");
        client.wait().expect("gone");
    }
}

#[test]
fn what_cannot_be_traced_is_said() {
    let (sandbox, node) = node();
    let mut control = Control::open(&node);
    let pid = control.start("end");
    wait::until("it ends", LIMIT, || (control.ask(&format!("info {pid}")) == "dead").then_some(())).expect("dead");
    for (arguments, code, complaint) in [
        (&[pid.as_str()][..], ERROR, "it has ended, or never was"),
        (&["1.x"], ERROR, "is no pid; pids look like <12.3>, or 12.3"),
        (&[], USAGE, "required"),
        (&["1.1", "--count", "0"], USAGE, "0 is not in 1..=1000000"),
        (&["1.1", "--for", "1h"], USAGE, "write a time from 50ms to 10m"),
    ] {
        let said = sandbox.cli(["trace"]).args(arguments).expect(code);
        assert!(said.stderr.contains(complaint), "{arguments:?}: {}", said.stderr);
    }
}

//! A process that does not give way can be killed, and one that ends in the worst way ends alone.

use std::collections::HashSet;
use std::io::{BufRead as _, Read as _};
use std::time::Duration;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, connect, node, number};
use system_tests::wait;

/// So many threads may be frozen.
const FROZEN_MAX: u64 = 1_024;
/// What the kind `keep` has allocated.
const KEPT: u64 = 1_000_000;
/// Of the others the stack in use is leaked, and the little that their futures take: in no frame of theirs is a large buffer.
const STACK_MAX: u64 = 20_000;

/// Threads of the node that are named so.
fn threads(node: &Node, name: &str) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.os_pid())).expect("its threads");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|found| found.starts_with(name)).count()
}

#[test]
fn whatever_does_not_give_way_is_killed_and_its_monitor_hears() {
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    let kinds = ["spin", "allocate", "format", "keep", "sleep", "lock", "wait_for_lock", "spin_in_drop"];
    let mut leaked = 0;
    for (frozen, kind) in kinds.iter().enumerate() {
        let pid = control.start(kind);
        if *kind != "spin_in_drop" {
            control.until_it_runs(&pid);
        }
        assert_eq!(control.ask(&format!("kill {pid}")), "killed", "{kind}");
        assert_eq!(number(&node, "frozen_threads"), frozen as u64 + 1, "{kind}");
        let growth = number(&node, "leaked_bytes") - leaked;
        leaked += growth;
        let kept = if *kind == "keep" { KEPT } else { 0 };
        assert!((kept + 1..kept + STACK_MAX).contains(&growth), "{kind} has leaked {growth} bytes");
        assert_eq!(said_leaked(&node, &pid), growth, "{kind}");
    }
    assert!(node.is_alive());
}

/// Bytes that the log says to have been leaked by that process's end.
fn said_leaked(node: &Node, pid: &str) -> u64 {
    let said = node.log_line(&format!("{pid} (")).expect("the log says what was leaked");
    let number = said.split(" is frozen, and ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("{said}"))
}

#[test]
fn a_process_that_can_be_ended_in_order_leaks_nothing() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    for (dropped, kind) in ["await", "checkpoint"].iter().enumerate() {
        let pid = control.start(kind);
        if *kind == "checkpoint" {
            control.until_it_runs(&pid);
        }
        assert_eq!(control.ask(&format!("kill {pid}")), "killed", "{kind}");
        assert_eq!(control.ask("dropped"), (dropped + 1).to_string(), "{kind}");
    }
    assert_eq!((number(&node, "frozen_threads"), number(&node, "leaked_bytes")), (0, 0));
}

#[test]
fn one_that_overflows_aborts_or_panics_while_panicking_ends_alone() {
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    for round in 1..=3 {
        for (kind, said) in [
            ("overflow", "stack overflow"),
            ("overflow_in_allocator", "stack overflow"),
            ("abort", "aborted"),
            ("panic_in_drop", "panic"),
            ("bomb", "in a destructor"),
        ] {
            let pid = control.start(kind);
            let reason = control.ask(&format!("wait {pid}"));
            let known = reason.contains(said) || reason == "no such process";
            assert!(known, "round {round}, {kind}: {reason}");
            node.log_line(&pid).expect("the log says which");
        }
        assert_eq!(control.ask("start end").get(..1), Some("<"), "others go on");
    }
    // A panic in a destructor alone unwinds, and freezes nothing.
    wait::until("all are counted", LIMIT, || (number(&node, "frozen_threads") == 12).then_some(()))
        .expect("four by three");
    assert!(node.is_alive());
}

#[test]
fn the_log_says_where_one_has_ended() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    let mut end = |kind: &str| {
        let pid = control.start(kind);
        let reason = control.ask(&format!("wait {pid}"));
        (pid, reason)
    };
    for (kind, what) in [
        ("overflow", "has overflowed its stack"),
        ("abort", "has aborted: a panic within a panic, or in a destructor while unwinding, or a call of abort"),
        ("panic_in_drop", "has aborted: "),
    ] {
        let (pid, _) = end(kind);
        let said = node.log_line(&format!("{pid} (")).expect("which");
        assert!(said.contains(what) && said.contains(", at librunaway"), "{kind}: {said}");
    }
    // A panic in a destructor alone is a panic, and says the file and the line.
    let (pid, reason) = end("bomb");
    let said = node.log_line(&format!("{pid} ")).expect("which");
    assert!(said.contains("a panic in a destructor") && said.contains("src/kinds.rs:"), "{said}");
    assert!(reason.contains("a panic in a destructor") || reason == "no such process", "{reason}");
}

#[test]
fn a_waker_that_never_returns_takes_no_scheduler() {
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    for nth in 1..=6 {
        let _ = control.start("wake_for_ever");
        for _ in 0..20 {
            assert_eq!(control.ask("nap"), "rested", "after {nth} of them");
        }
    }
    assert!(node.is_alive());
}

#[test]
fn a_connection_in_the_hands_of_a_frozen_process_ends() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    let mut held = connect(node.listener("held").expect("it listens"));
    let mut pid = String::new();
    held.read_line(&mut pid).expect("its pid");
    assert_eq!(control.ask(&format!("kill {}", pid.trim())), "killed");
    assert_eq!(held.read(&mut [0]).expect("an end, not an error"), 0);
}

#[test]
fn a_thousand_runaways_are_killed_and_counted_and_then_no_more() {
    let (sandbox, mut node) = node();
    let mut control = Control::open(&node);
    let mut pids = HashSet::new();
    for killed in 1..=FROZEN_MAX {
        let pid = control.start("spin");
        control.until_it_runs(&pid);
        assert_eq!(control.ask(&format!("kill {pid}")), "killed", "the {killed}th");
        assert!(pids.insert(pid), "no pid twice");
    }
    assert_eq!(number(&node, "frozen_threads"), FROZEN_MAX);
    assert!(threads(&node, "scheduler-") as u64 >= FROZEN_MAX, "they are there, and do nothing");
    let leaked = number(&node, "leaked_bytes");
    assert!((FROZEN_MAX..FROZEN_MAX * STACK_MAX).contains(&leaked), "{leaked}");
    let said = sandbox.cli(["status"]).expect(0).stdout;
    assert!(said.contains("1024 threads were frozen by kills and faults; they hold "), "{said}");
    let beyond = control.start("spin");
    // Known not to give way.
    control.until_it_has_used(Duration::from_millis(50), &beyond);
    assert_eq!(control.ask(&format!("kill {beyond}")), "refused", "there is a bound");
    let said = sandbox.cli(["kill", &beyond]).expect(1).stderr;
    let refusal = format!("{beyond} does not give way, and no more threads may be frozen than are");
    assert!(said.contains(&refusal), "{said}");
    let polite = control.start("checkpoint");
    control.until_it_runs(&polite);
    control.ask(&format!("kill {polite}"));
    let end = control.ask(&format!("wait {polite}"));
    assert!(["killed", "no such process"].contains(&end.as_str()), "one with checkpoints needs no freezing, and {end}");
    assert_eq!((number(&node, "frozen_threads"), number(&node, "leaked_bytes")), (FROZEN_MAX, leaked), "no more");
    let advice = node.log_line("1024 threads are frozen by kills").expect("the bound");
    assert!(advice.contains("goes on until it gives way. Restart the node when it can be spared"), "{advice}");
    assert!(node.is_alive());
}

#[test]
fn a_running_process_shows_what_it_uses() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    let pid = control.start("keep");
    let info = |control: &mut Control| {
        let info = control.ask(&format!("info {pid}"));
        let (cpu, memory) = info.split_once(' ').expect("two numbers");
        (cpu.parse::<u64>().expect("a number"), memory.parse::<i64>().expect("a number"))
    };
    wait::until("it has used 50 ms", LIMIT, || (info(&mut control).0 > 50_000).then_some(())).expect("it spins");
    let (_, memory) = info(&mut control);
    assert!((1_000_000..1_100_000).contains(&memory), "{memory}");
    assert_eq!(control.ask(&format!("kill {pid}")), "killed");
    assert_eq!(control.ask(&format!("info {pid}")), "dead");
}

//! A process that does not give way can be killed, and one that ends in the worst way ends alone.

use std::collections::HashSet;
use std::io::{BufRead as _, Read as _};
use std::time::Duration;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, connect, node, number};
use system_tests::wait;

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
    for (frozen, kind) in kinds.iter().enumerate() {
        let pid = control.start(kind);
        if *kind != "spin_in_drop" {
            control.until_it_runs(&pid);
        }
        assert_eq!(control.ask(&format!("kill {pid}")), "killed", "{kind}");
        assert_eq!(number(&node, "frozen_threads"), frozen as u64 + 1, "{kind}");
    }
    assert!(number(&node, "leaked_bytes") > 1_000_000, "one of them kept a million");
    assert!(node.is_alive());
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
    assert!(node.log().contains("has overflowed its stack, at librunaway"), "where");
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
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    let mut pids = HashSet::new();
    for killed in 1..=1_024 {
        let pid = control.start("spin");
        control.until_it_runs(&pid);
        assert_eq!(control.ask(&format!("kill {pid}")), "killed", "the {killed}th");
        assert!(pids.insert(pid), "no pid twice");
    }
    assert_eq!(number(&node, "frozen_threads"), 1_024);
    assert!(threads(&node, "scheduler-") >= 1_024, "they are there, and do nothing");
    let beyond = control.start("spin");
    // Known not to give way.
    control.until_it_has_used(Duration::from_millis(50), &beyond);
    assert_eq!(control.ask(&format!("kill {beyond}")), "refused", "there is a bound");
    let polite = control.start("checkpoint");
    control.until_it_runs(&polite);
    control.ask(&format!("kill {polite}"));
    let end = control.ask(&format!("wait {polite}"));
    assert!(["killed", "no such process"].contains(&end.as_str()), "one with checkpoints needs no freezing, and {end}");
    node.log_line("1024 threads are frozen by kills").expect("advice");
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

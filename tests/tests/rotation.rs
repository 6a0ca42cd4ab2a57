//! Processes that do not give way share the processors, and hold up nobody when they block.

use std::time::Duration;
use system_tests::node::Node;
use system_tests::runaway::{Control, LIMIT, node, number};
use system_tests::wait;

/// More than the machine has cores, by far.
const MANY: usize = 24;
const BLOCKED: usize = 50;
const KILLED: usize = 200;

fn until_they_run_long(node: &Node, at_least: usize) {
    let enough = || (number(node, "long_runners") >= at_least as u64).then_some(());
    wait::until("threads of their own", LIMIT, enough).expect("the monitor sees them");
}

/// How far each has come since then, when the last has come so far.
fn progress(control: &mut Control, since: &[u64], at_least: u64) -> Vec<u64> {
    wait::until("each goes on", LIMIT, || {
        let made: Vec<u64> = control.counts().iter().zip(since).map(|(now, then)| now - then).collect();
        made.iter().all(|made| *made >= at_least).then_some(made)
    })
    .expect("each has its turn")
}

#[test]
fn those_that_spin_share_the_processors() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    for _ in 0..MANY {
        control.start("count");
    }
    until_they_run_long(&node, MANY);
    let since = control.counts();
    // So many turns that it does not matter who began.
    let made = progress(&mut control, &since, 20_000_000);
    let (least, most) = (made.iter().min().expect("some"), made.iter().max().expect("some"));
    assert!(*most < least * 4, "{made:?}");
}

#[test]
fn those_that_take_turns_are_killed_and_the_others_go_on() {
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    let counting: Vec<String> = (0..MANY).map(|_| control.start("count")).collect();
    let spinning: Vec<String> = (0..KILLED).map(|_| control.start("spin")).collect();
    until_they_run_long(&node, MANY + KILLED);
    for pid in &spinning {
        assert_eq!(control.ask(&format!("kill {pid}")), "killed");
    }
    assert_eq!(number(&node, "frozen_threads"), KILLED as u64);
    let since = control.counts();
    progress(&mut control, &since, 1_000_000);
    for pid in &counting {
        assert_eq!(control.ask(&format!("kill {pid}")), "killed");
    }
    assert_eq!(number(&node, "frozen_threads"), (KILLED + MANY) as u64);
    let none_left = || (number(&node, "long_runners") == 0).then_some(());
    wait::until("none is left", LIMIT, none_left).expect("the counts agree");
    assert_eq!(control.ask("nap"), "rested");
    assert!(node.is_alive());
}

#[test]
fn one_that_is_killed_comes_to_its_checkpoint_when_others_have_their_turns() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    let polite: Vec<String> = (0..MANY).map(|_| control.start("checkpoint")).collect();
    until_they_run_long(&node, MANY);
    for pid in &polite {
        control.until_it_has_used(Duration::from_millis(30), pid);
    }
    for pid in &polite {
        assert_eq!(control.ask(&format!("kill {pid}")), "killed");
    }
    assert_eq!(control.ask("dropped"), MANY.to_string(), "in order");
    assert_eq!(number(&node, "frozen_threads"), 0);
}

#[test]
fn a_lock_that_a_paused_one_holds_comes_free() {
    let (_sandbox, node) = node();
    let mut control = Control::open(&node);
    for _ in 0..MANY {
        control.start("spin");
    }
    until_they_run_long(&node, MANY);
    let holder = control.start("work_with_lock");
    control.until_it_runs(&holder);
    let waiting = control.start("wait_for_work");
    let end = control.ask(&format!("wait {waiting}"));
    assert!(["normal", "no such process"].contains(&end.as_str()), "{end}");
}

#[test]
fn those_that_block_hold_up_nobody() {
    let (_sandbox, mut node) = node();
    let mut control = Control::open(&node);
    control.start("lock");
    for kind in ["sleep", "wait_for_lock", "read"] {
        for _ in 0..BLOCKED {
            control.start(kind);
        }
        // They never end: so nobody waits for them.
        for _ in 0..10 {
            assert_eq!(control.ask("nap"), "rested", "beside {kind}");
        }
        let mut another = Control::open(&node);
        assert_eq!(another.ask("nap"), "rested", "beside {kind}");
    }
    until_they_run_long(&node, 3 * BLOCKED);
    assert!(node.is_alive());
}

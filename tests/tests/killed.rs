//! An upgrade takes effect whole or not at all, whichever call to the system is the last that the node lives to make, and whichever of them fails.
//!
//! The calls are not listed here: they are counted while the real node upgrades, and then each is spoiled once. So a step that is added
//! to an upgrade is tested with the others.

mod calls;

use calls::{Call, Spoil, Strace};
use std::collections::BTreeSet;
use std::fs::File;
use std::time::{Duration, Instant};
use system_tests::shelf::{Case, Release, Shelf};
use system_tests::wait;

/// "Failed and not rolled back": of a node that has died the client cannot know more.
const UNKNOWN: i32 = 11;
/// "Failed and rolled back".
const ROLLED_BACK: i32 = 10;
/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// Shows what was tried.
#[expect(clippy::print_stdout, reason = "how much was tried is the test's result")]
fn show(what: &str, count: usize, begun: Instant) {
    println!("{what}: {count} cases in {:.1?}", begun.elapsed());
}

/// An upgrade in which nothing is spoiled: its calls that come to something, and its steps.
fn whole(shelf: &Shelf, to: &Release, code: i32) -> (Vec<Call>, BTreeSet<String>) {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, &case.paths(os_pid), Spoil::Nothing);
    let said = case.upgrade(to);
    assert_eq!(said.code, code, "{}{}", said.stdout, said.stderr);
    let lines = said.json_lines();
    // The client's own step is not the node's.
    let steps =
        lines.iter().filter_map(|line| line["step"].as_str().map(str::to_owned)).filter(|step| step != "unpack");
    let calls: Vec<_> = strace.calls().into_iter().filter(|call| !call.is_idle()).collect();
    assert!(calls.iter().any(|call| call.name == "rename"), "an upgrade writes: {calls:?}");
    (calls, steps.collect())
}

/// Upgrades, and has the node killed as it makes that call. What the disk had not taken for certain is half there.
fn killed_at<'a>(shelf: &'a Shelf, to: &Release, call: &Call) -> Case<'a> {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, &case.paths(os_pid), Spoil::Kill(call));
    let said = case.upgrade(to);
    case.node().ended().expect("the node is killed");
    let seen = strace.calls();
    let is_last = |seen: &&Call| (&seen.name, seen.place) == (&call.name, call.place) && !seen.has_returned();
    let last = seen.iter().find(is_last).unwrap_or_else(|| panic!("not killed at {}: {seen:?}", call.shown));
    assert_eq!(said.code, UNKNOWN, "{}", said.stderr);
    case.kill();
    if let Some(file) = last.flushed_file() {
        let file = File::options().write(true).open(file).expect("it is there");
        let len = file.metadata().expect("a file").len();
        file.set_len(len / 2).expect("cut");
    }
    case
}

/// The version that boots then, and the step that the history says was the last: of a node that died, or of one that had done it.
fn boots(case: &mut Case<'_>) -> (String, Option<String>) {
    case.check();
    case.boot();
    let (version, folder) = (case.serving(), case.check_settled());
    assert_eq!(folder.permanent().ok().as_ref(), Some(&version));
    let entry = folder.history().last().filter(|entry| entry["outcome"] == "crashed");
    (version, entry.and_then(|entry| entry["step"].as_str().map(str::to_owned)))
}

/// The same upgrade once more, until it has taken effect; one that cannot is rolled back once.
fn try_again(case: &mut Case<'_>, to: &Release) {
    let mut said = case.upgrade(to);
    if said.code == ROLLED_BACK {
        said = case.upgrade(to);
    }
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    assert_eq!(case.serving(), to.version);
    case.session_counts();
    case.check_settled();
}

/// Kills the node at each call of an upgrade; returns whether the new version boots then, and the steps that were cut off.
fn kill_everywhere(shelf: &Shelf, to: &Release, calls: &[Call]) -> (Vec<bool>, BTreeSet<String>) {
    let (mut new, mut cut) = (Vec::new(), BTreeSet::new());
    for call in calls {
        let mut case = killed_at(shelf, to, call);
        let (version, step) = boots(&mut case);
        assert!([&to.version, &shelf.first.version].contains(&&version), "{}: {version} boots", call.shown);
        new.push(version == to.version);
        assert!(step.is_none() || version == shelf.first.version, "{}: crashed, and {version} boots", call.shown);
        cut.extend(step);
        case.open_session();
        try_again(&mut case, to);
    }
    (new, cut)
}

#[test]
fn a_node_that_is_killed_at_any_call_of_an_upgrade_boots_in_the_right_release() {
    if !calls::is_possible() {
        return;
    }
    let (shelf, begun) = (Shelf::build(), Instant::now());
    let (calls, mut steps) = whole(&shelf, &shelf.next, 0);
    let calls: Vec<_> = calls.into_iter().filter(Call::changes).collect();
    let (new, cut) = kill_everywhere(&shelf, &shelf.next, &calls);
    show("killed in an upgrade", new.len(), begun);
    let first_new = new.iter().position(|new| *new).expect("in the end the new version boots");
    assert!(new[first_new..].iter().all(|new| *new), "old, then new: {new:?}");
    let last = &calls[first_new - 1];
    assert!(last.name == "rename" && last.shown.contains("RELEASES"), "one rename decides: {}", last.shown);
    steps.insert("begin".to_owned());
    assert_eq!(cut, steps, "each step was cut off");

    let begun = Instant::now();
    let (calls, mut steps) = whole(&shelf, &shelf.failing, ROLLED_BACK);
    let calls: Vec<_> = calls.into_iter().filter(Call::changes).collect();
    let (new, cut) = kill_everywhere(&shelf, &shelf.failing, &calls);
    show("killed in an upgrade that is rolled back", new.len(), begun);
    assert!(new.iter().all(|new| !new), "what was rolled back does not boot: {new:?}");
    steps.insert("begin".to_owned());
    assert_eq!(cut, steps, "each step was cut off");
}

/// Upgrades with that call spoiled: the node serves on, whole, on one version or the other, and its folder says which.
fn fails_at(shelf: &Shelf, to: &Release, spoil: Spoil<'_>, call: &Call) {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, &case.paths(os_pid), spoil);
    let said = case.upgrade(to);
    let is_spoiled = strace.calls().iter().any(|seen| seen.name == call.name && seen.shown.ends_with("(INJECTED)"));
    assert!(is_spoiled, "{} was not spoiled", call.shown);
    let context = format!("{}\n{}{}", call.shown, said.stdout, said.stderr);
    let version = case.serving();
    assert_eq!(version == to.version, said.code == 0, "{version} serves: {context}");
    assert!([0, ROLLED_BACK, REFUSED].contains(&said.code), "{}: {context}", said.code);
    let build = case.session_counts();
    assert_eq!(build == "c", said.code == 0, "the session runs on what serves: {context}");
    assert_eq!(case.check().permanent().ok(), Some(version), "what serves is what boots: {context}");
    try_again(&mut case, to);
    case.kill();
    assert_eq!(boots(&mut case).0, to.version, "{context}");
}

#[test]
fn a_call_that_fails_refuses_an_upgrade_or_rolls_it_back_and_it_can_be_tried_again() {
    if !calls::is_possible() {
        return;
    }
    let (shelf, begun) = (Shelf::build(), Instant::now());
    let (calls, _) = whole(&shelf, &shelf.next, 0);
    for call in &calls {
        fails_at(&shelf, &shelf.next, Spoil::Fail(call), call);
    }
    show("a call that fails", calls.len(), begun);
}

/// The calls by which a node that boots changes something in its folder.
fn changes_of_a_boot(shelf: &Shelf, cut: &Call) -> Vec<Call> {
    let case = killed_at(shelf, &shelf.next, cut);
    let mut strace = Strace::start(&case.start(), Spoil::Nothing);
    let serves = || case.cli(&["ping"]).run().is_ok_and(|said| said.code == 0).then_some(());
    wait::until("it serves", Duration::from_secs(60), serves).expect("it boots");
    let _said = case.cli(&["stop"]).expect(0);
    strace.until_ended();
    let root = case.root().display().to_string();
    let recorded = format!("{root}/releases/");
    let calls: Vec<_> = strace.calls().into_iter().filter(|call| call.shown.contains(&root)).collect();
    let last = calls.iter().rposition(|call| call.shown.contains(&recorded) && call.changes()).expect("it recovers");
    calls[..=last].iter().filter(|call| call.changes() && !call.is_idle()).cloned().collect()
}

#[test]
fn a_node_that_is_killed_again_while_it_boots_boots_the_next_time() {
    if !calls::is_possible() {
        return;
    }
    let (shelf, begun) = (Shelf::build(), Instant::now());
    let (calls, _) = whole(&shelf, &shelf.next, 0);
    let steps: Vec<_> = calls.iter().filter(|call| call.name == "fsync" && call.shown.contains(".new-")).collect();
    // The record of a step in the midst is half written.
    let cut = steps[steps.len() / 2];
    let changes = changes_of_a_boot(&shelf, cut);
    assert!(changes.iter().any(|call| call.name == "rename"), "it writes that the upgrade has crashed: {changes:?}");
    for call in &changes {
        let mut case = killed_at(&shelf, &shelf.next, cut);
        let mut strace = Strace::start(&case.start(), Spoil::Kill(call));
        strace.until_ended();
        let seen = strace.calls();
        let is_cut = seen.iter().any(|seen| seen.name == call.name && seen.place == call.place && !seen.has_returned());
        assert!(is_cut, "not killed at {}", call.shown);
        let (version, _) = boots(&mut case);
        assert_eq!(version, shelf.first.version, "{}", call.shown);
        let history = case.check_settled();
        let crashed = history.history().iter().filter(|entry| entry["outcome"] == "crashed").count();
        assert_eq!(crashed, 1, "{}", call.shown);
        case.open_session();
        try_again(&mut case, &shelf.next);
    }
    show("killed again in a boot", changes.len(), begun);
}

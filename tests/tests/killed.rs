//! An upgrade takes effect whole or not at all, whichever call to the system is the last that the node lives to make, and whichever of them fails.
//!
//! The calls are not listed here: they are counted while the real node goes a [`Way`] from one release to another, and then each is spoiled once.
//! So a step that is added to an upgrade is tested with the others; one that is taken on none of the ways fails a test of its own.

mod calls;
mod several;
mod ways;

use calls::{Call, Spoil, Strace};
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};
use system_tests::shelf::{Case, Shelf};
use system_tests::{strace, wait};
use ways::{ROLLED_BACK, Way};

/// "Failed and not rolled back": of a node that has died the client cannot know more.
const UNKNOWN: i32 = 11;
/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// Shows what was tried.
#[expect(clippy::print_stdout, reason = "how much was tried is the test's result")]
fn show(what: &str, count: usize, begun: Instant) {
    println!("{what}: {count} cases in {:.1?}", begun.elapsed());
}

/// A way on which nothing is spoiled: its calls that come to something, and its steps.
fn whole(shelf: &Shelf, way: Way) -> (Vec<Call>, Vec<String>) {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, case.root(), Spoil::Nothing);
    let said = way.go(&case, shelf);
    assert_eq!(said.code, way.code(), "{}{}", said.stdout, said.stderr);
    let calls: Vec<_> = strace.calls().into_iter().filter(|call| !call.is_idle()).collect();
    (calls, calls::steps(&said))
}

/// Goes that way, and has the node killed as it makes that call. What the disk had not taken for certain is half there.
fn killed_at<'a>(shelf: &'a Shelf, way: Way, call: &Call) -> Case<'a> {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, case.root(), Spoil::Kill(call));
    let said = way.go(&case, shelf);
    case.node().ended().expect("the node is killed");
    let seen = strace.calls();
    let is_last = |seen: &&Call| (&seen.name, seen.place) == (&call.name, call.place) && !seen.has_returned();
    let last = seen.iter().find(is_last).unwrap_or_else(|| panic!("not killed at {}: {seen:?}", call.shown));
    assert_eq!(said.code, UNKNOWN, "{}", said.stderr);
    case.kill();
    if let Some(file) = last.flushed_file() {
        // Other cases' folders have the same file by other names.
        let bytes = fs::read(&file).expect("it is there");
        fs::remove_file(&file).expect("removed");
        fs::write(&file, &bytes[..bytes.len() / 2]).expect("cut");
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

/// The same once more, until it has taken effect.
fn try_again(case: &mut Case<'_>, shelf: &Shelf, way: Way) {
    let (version, build) = way.again(case, shelf);
    assert_eq!((case.serving().as_str(), case.session_counts().as_str()), (version, build));
    case.check_settled();
}

/// Kills the node wherever the way is cut; returns at which calls, and whether the way's end boots then.
fn kill_everywhere(shelf: &Shelf, way: Way) -> Vec<(Call, bool)> {
    let begun = Instant::now();
    let (calls, steps) = whole(shelf, way);
    let calls: Vec<_> = calls.into_iter().filter(Call::changes).collect();
    let (mut killed, mut cut) = (Vec::new(), BTreeSet::new());
    for call in way.cuts(&calls, &steps) {
        let mut case = killed_at(shelf, way, &call);
        let (version, step) = boots(&mut case);
        let (end, _) = way.ends_at(shelf);
        assert!([end, shelf.first.version.as_str()].contains(&version.as_str()), "{}: {version} boots", call.shown);
        assert!(step.is_none() || version == shelf.first.version, "{}: crashed, and {version} boots", call.shown);
        cut.extend(step);
        case.open_session();
        try_again(&mut case, shelf, way);
        killed.push((call, version == end));
    }
    show(&format!("killed, {way:?}"), killed.len(), begun);
    assert_eq!(cut, way.cut().iter().map(|step| (*step).to_owned()).collect(), "each of its steps was cut");
    killed
}

#[test]
fn a_node_that_is_killed_at_any_call_of_an_upgrade_boots_in_the_right_release() {
    if !strace::is_possible() {
        return;
    }
    let killed = kill_everywhere(&Shelf::build(), Way::Confirmed);
    let decided = killed.iter().position(|(_, ended)| *ended).expect("in the end the new version boots");
    assert!(killed[decided..].iter().all(|(_, ended)| *ended), "old, then new: {killed:?}");
    let (last, _) = &killed[decided - 1];
    assert!(last.name == "rename" && last.shown.contains("RELEASES"), "one rename decides: {}", last.shown);
}

#[test]
fn a_node_that_is_killed_on_the_way_back_boots_in_the_right_release() {
    if !strace::is_possible() {
        return;
    }
    let shelf = Shelf::full();
    for way in [Way::Fails, Way::ToldBack] {
        kill_everywhere(&shelf, way);
    }
    let killed = kill_everywhere(&shelf, Way::ByHand);
    let ended: Vec<_> = killed.iter().map(|(_, ended)| *ended).collect();
    assert!(ended.is_sorted() && !ended[0] && ended[ended.len() - 1], "old, then new: {killed:?}");
}

/// Goes that way with a call spoiled: the node serves on, whole, on one version or the other, and its folder says which.
fn fails_at(shelf: &Shelf, way: Way, call: &Call) {
    let mut case = shelf.case();
    let os_pid = case.boot().os_pid();
    case.open_session();
    let strace = Strace::attach(os_pid, case.root(), Spoil::Fail(call));
    let said = way.go(&case, shelf);
    let is_spoiled = strace.calls().iter().any(|seen| seen.name == call.name && seen.shown.ends_with("(INJECTED)"));
    assert!(is_spoiled, "{} was not spoiled", call.shown);
    let context = format!("{way:?}, {}\n{}{}", call.shown, said.stdout, said.stderr);
    assert!([0, ROLLED_BACK, REFUSED].contains(&said.code), "{}: {context}", said.code);
    let first = (shelf.first.version.as_str(), shelf.first.build);
    let (version, build) = if said.code == 0 { way.ends_at(shelf) } else { first };
    assert_eq!(case.serving(), version, "{context}");
    assert_eq!(case.session_counts(), build, "the session runs on what serves: {context}");
    assert_eq!(case.check().permanent().ok().as_deref(), Some(version), "what serves is what boots: {context}");
    try_again(&mut case, shelf, way);
}

fn fail_everywhere(shelf: &Shelf, way: Way) {
    let begun = Instant::now();
    let (calls, steps) = whole(shelf, way);
    let calls = way.cuts(&calls, &steps);
    calls.iter().for_each(|call| fails_at(shelf, way, call));
    show(&format!("a call that fails, {way:?}"), calls.len(), begun);
}

#[test]
fn a_call_that_fails_refuses_an_upgrade_or_rolls_it_back_and_it_can_be_tried_again() {
    if strace::is_possible() {
        fail_everywhere(&Shelf::build(), Way::Confirmed);
    }
}

#[test]
fn a_call_that_fails_on_the_way_back_keeps_nobody_from_it() {
    if !strace::is_possible() {
        return;
    }
    let shelf = Shelf::full();
    for way in [Way::Fails, Way::ToldBack, Way::ByHand] {
        fail_everywhere(&shelf, way);
    }
}

/// The calls by which a node that boots changes something in its folder.
fn changes_of_a_boot(shelf: &Shelf, cut: &Call) -> Vec<Call> {
    let case = killed_at(shelf, Way::Confirmed, cut);
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
    if !strace::is_possible() {
        return;
    }
    let (shelf, begun) = (Shelf::build(), Instant::now());
    let (calls, _) = whole(&shelf, Way::Confirmed);
    let steps: Vec<_> = calls.iter().filter(|call| call.name == "fsync" && call.shown.contains(".new-")).collect();
    // The record of a step in the midst is half written.
    let cut = steps[steps.len() / 2];
    let changes = changes_of_a_boot(&shelf, cut);
    assert!(changes.iter().any(|call| call.name == "rename"), "it writes that the upgrade has crashed: {changes:?}");
    for call in &changes {
        let mut case = killed_at(&shelf, Way::Confirmed, cut);
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
        try_again(&mut case, &shelf, Way::Confirmed);
    }
    show("killed again in a boot", changes.len(), begun);
}

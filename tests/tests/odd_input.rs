//! What nobody should ask for: each gets one clear sentence and the right exit code, and nothing has changed.

use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use system_tests::cli::Said;
use system_tests::shelf::{Case, Shelf};
use system_tests::wait;

/// "Usage".
const USAGE: i32 = 2;
/// "Another upgrade holds the lock".
const LOCKED: i32 = 13;
/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// It serves as if nobody had asked, and its folder is as it was.
fn unchanged(shelf: &Shelf, case: &mut Case<'_>, before: &Value, said: &Said) {
    assert_eq!(said.stderr.matches("error: ").count(), 1, "one sentence: {}", said.stderr);
    assert_eq!(case.serving(), shelf.first.version);
    assert_eq!(case.session_counts(), "b");
    let after = case.check_settled().record;
    for part in ["permanent", "old", "quarantined"] {
        assert_eq!(before[part], after[part], "{}", said.stderr);
    }
}

#[test]
fn versions_with_odd_characters_are_no_versions() {
    let shelf = Shelf::build();
    let mut case = shelf.case();
    case.boot();
    case.open_session();
    let before = case.check_settled().record;
    let long = format!("1.0.0+{}", "x".repeat(10_000));
    let odd = [
        "",
        " ",
        "..",
        "../../etc",
        "1.0",
        "1.0.0+a/b",
        "1.0.0/../..",
        "1.0.0\n",
        "1.0.0\u{202e}",
        "v1.0.0",
        "1.0.0+ä",
        &long,
        "99.0.0",
    ];
    for version in odd {
        let said = case.cli(&["rollback", "--drain-wait", "0", version]).run().expect("it ends");
        assert!([REFUSED, USAGE].contains(&said.code), "{version:.40?}: {} {}", said.code, said.stderr);
        assert!(said.stderr.len() < 4096, "{version:.40?}: a sentence of {} bytes", said.stderr.len());
        let is_plain = said.stderr.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}'));
        assert!(is_plain, "{version:.40?} is shown as it is: {:?}", said.stderr);
        unchanged(&shelf, &mut case, &before, &said);
    }
}

#[test]
fn a_manifest_from_the_future_is_refused() {
    let shelf = Shelf::build();
    let mut case = shelf.case();
    case.boot();
    case.open_session();
    let before = case.check_settled().record;
    let path = shelf.next.manifest();
    let whole = fs::read_to_string(&path).expect("readable");
    let mut future: Value = serde_json::from_str(&whole).expect("JSON");
    (future["schema"], future["plugins"]) = (99.into(), "of another kind".into());
    fs::write(&path, future.to_string()).expect("written");
    let said = case.upgrade(&shelf.next, &[]);
    assert_eq!(said.code, REFUSED, "{}", said.stderr);
    assert!(said.stderr.contains("schema 99, which is newer than this tool"), "{}", said.stderr);
    unchanged(&shelf, &mut case, &before, &said);
    fs::write(&path, whole).expect("written");
    assert_eq!(case.upgrade(&shelf.next, &[]).code, 0, "the same command works with one of this time");
}

#[test]
fn two_upgrades_at_once_are_one_and_one_to_what_runs_is_nothing_to_do() {
    let shelf = Shelf::build();
    let mut case = shelf.case();
    case.boot();
    case.open_session();
    let before = case.check_settled().record;
    let said = case.upgrade(&shelf.first, &[]);
    assert_eq!((said.code, &said.json()["changed"]), (0, &Value::Bool(false)), "{}", said.stderr);
    assert_eq!(case.check_settled().record["history"], before["history"]);

    let hook = case.root.join("hooks/before");
    fs::remove_file(&hook).expect("a link of ours");
    fs::write(&hook, "#!/bin/sh\ntouch began\nwhile ! test -e go; do sleep 0.02; done\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    std::thread::scope(|scope| {
        let upgrades = [0, 1].map(|_| {
            let upgrade = scope.spawn(|| case.upgrade(&shelf.next, &[]));
            let began = || case.root.join("began").exists().then_some(());
            wait::until("the hook begins", Duration::from_secs(20), began).expect("it begins");
            upgrade
        });
        let other = case.upgrade(&shelf.first, &[]);
        assert_eq!(other.code, LOCKED, "{}", other.stderr);
        assert!(other.stderr.contains(&format!("an upgrade to {} is in progress", shelf.next.version)));
        fs::write(case.root.join("go"), "").expect("written");
        for upgrade in upgrades {
            let said = upgrade.join().expect("no panic");
            assert_eq!((said.code, &said.json()["to"]), (0, &shelf.next.version.clone().into()), "{}", said.stderr);
        }
    });
    assert_eq!(case.serving(), shelf.next.version);
    let history = case.check_settled().history().len();
    assert_eq!(history, before["history"].as_array().map_or(0, Vec::len) + 1, "it was one upgrade");
}

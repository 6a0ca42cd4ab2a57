//! `cargo system check`, and the same refusal in `upgrade`: real builds before and after a change of a state's type.

use serde_json::Value;
use std::time::Duration;
use system_tests::cli::Said;
use system_tests::example;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

/// "Refused before anything changed".
const REFUSED: i32 = 14;
const FILE: &str = "src/counter.rs";
/// Where the fixture takes another field, and another version.
const FIELD: &str = "    // A field is added here.\n";
const VERSION: &str = "// A version is edited in here.\n";

fn fixture() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

/// What was said, with what differs from build to build replaced.
fn said(node: &Node, text: &str) -> String {
    let runs = node.version();
    let text = text.replace(&runs, "[runs]");
    let words = text.split_inclusive([' ', '\n', ':']).map(|word| {
        let version = word.trim_end_matches([' ', '\n', ':']);
        let is_build = version.starts_with("0.1.") && version.contains('+');
        if is_build { word.replace(version, "[next]") } else { word.to_owned() }
    });
    // Shorter versions move the right column.
    words.collect::<String>().lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

fn check(sandbox: &Sandbox, code: i32) -> Said {
    sandbox.cli(["check"]).expect(code)
}

fn findings(said: &Said) -> Vec<Value> {
    let result = said.json();
    assert_eq!(said.json_lines().len(), 1, "one object: {}", said.stdout);
    assert_eq!(result["exit_code"], said.code);
    result["findings"].as_array().expect("findings").clone()
}

#[test]
fn without_a_release_there_is_nothing_to_compare_with() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let said = check(&sandbox, 0);
    assert!(said.stdout.contains("there is no release yet"), "{}", said.stdout);
    assert!(!sandbox.root().exists(), "nothing is made");
}

#[test]
fn a_state_that_changed_is_refused_until_it_has_conversions_and_moves_with_them() {
    let (sandbox, node) = fixture();
    let mut talk = Talk::open(node.address());
    assert!(talk.ask("start a").starts_with('<'));
    talk.expect("add a 5", "5");
    assert!(check(&sandbox, 0).stdout.contains("the same as runs"));

    sandbox.edit(FILE, FIELD, "    pub(crate) extra: u64,\n").expect("an edit");
    let refused = check(&sandbox, REFUSED);
    insta::assert_snapshot!("changed_state", said(&node, &refused.stdout));
    let upgrade = sandbox.cli(["upgrade"]).expect(REFUSED);
    let details = refused.stdout.lines().filter(|line| !line.starts_with("refused: ") && !line.starts_with("hint: "));
    for line in details {
        assert!(upgrade.stderr.contains(line), "{line:?} is not in\n{}", upgrade.stderr);
    }
    let (error, _) = upgrade.complaint();
    assert_eq!(error, Some("the state \"Counter\" changed, and its version is 1 as before"));
    talk.expect("add a 1", "6");

    // The code that was given, with what a person decides.
    let found = findings(&sandbox.cli(["check", "--json"]).expect(REFUSED));
    let stub = found[0]["stub"].as_str().expect("a stub");
    let decided = stub.replace(concat!("todo", "!(\"`extra` is not in `before`\")"), "before.sum * 2");
    assert_ne!(decided, stub, "{stub}");
    sandbox.edit(FILE, VERSION, "#[state(version = 2, from = CounterV1)]\n").expect("an edit");
    sandbox
        .edit(FILE, "impl Server for Counter {", &format!("{decided}\nimpl Server for Counter {{"))
        .expect("an edit");
    let passed = check(&sandbox, 0);
    assert!(passed.stdout.contains("nothing refuses the upgrade"), "{}", passed.stdout);
    assert!(!passed.stdout.contains("warning"), "there is a way back: {}", passed.stdout);
    let mut waiting = Talk::open(node.address());
    waiting.tell("hold a");
    wait::until("somebody waits", Duration::from_secs(20), || {
        Some(()).filter(|()| talk.ask("report a").contains("held: 1"))
    })
    .expect("a call that is held");
    let version = sandbox.upgrade().expect("an upgrade");
    let report = talk.ask("report a");
    assert!(report.contains(&format!("version: {version:?}, sum: 6,")), "{report}");

    // And down: what cannot be cloned goes with it.
    sandbox.edit(FILE, &decided, "").expect("an edit");
    sandbox.edit(FILE, "#[state(version = 2, from = CounterV1)]\n", VERSION).expect("an edit");
    sandbox.edit(FILE, "    pub(crate) extra: u64,\n", FIELD).expect("an edit");
    let passed = check(&sandbox, 0);
    assert!(passed.stdout.contains("nothing refuses") && !passed.stdout.contains("warning"), "{}", passed.stdout);
    let version = sandbox.upgrade().expect("an upgrade down");
    let report = talk.ask("report a");
    assert!(report.contains(&format!("version: {version:?}, sum: 6,")) && report.contains("held: 1"), "{report}");
    talk.expect("release a done", "ok");
    assert_eq!(waiting.hear(), "done", "who waited through both gets the answer");
}

#[test]
fn what_cannot_move_back_is_a_warning() {
    let (sandbox, node) = fixture();
    sandbox.edit(FILE, "    ticks: u64,\n    timeouts: u64,\n    // A", "    #[serde(default, rename = \"tick_count\", alias = \"ticks\")]\n    ticks: u64,\n    timeouts: u64,\n    // A").expect("an edit");
    let warned = check(&sandbox, 0);
    insta::assert_snapshot!("one_way", said(&node, &warned.stdout));
    let found = findings(&sandbox.cli(["check", "--json"]).expect(0));
    assert_eq!((found.len(), &found[0]["refuses"], &found[0]["subject"]), (1, &false.into(), &"state".into()));
    let upgraded = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(0);
    assert!(
        upgraded.stderr.contains("warning: the state \"Counter\" moves and cannot move back"),
        "{}",
        upgraded.stderr
    );
}

#[test]
fn a_field_with_a_default_needs_nothing_and_a_version_must_not_go_back() {
    let (sandbox, node) = fixture();
    sandbox.edit(FILE, FIELD, "    #[serde(default)]\n    pub(crate) extra: u64,\n").expect("an edit");
    let passed = check(&sandbox, 0);
    assert!(passed.stdout.contains("nothing refuses") && !passed.stdout.contains("warning"), "{}", passed.stdout);
    example::set_version(&sandbox, "0.0.9").expect("an edit");
    let refused = check(&sandbox, REFUSED);
    assert!(refused.stdout.contains("is older than"), "{}", refused.stdout);
    let upgrade = sandbox.cli(["upgrade"]).expect(REFUSED);
    let (error, hint) = upgrade.complaint();
    assert!(error.is_some_and(|error| error.contains("is older than")), "{}", upgrade.stderr);
    assert!(hint.is_some_and(|hint| hint.contains("rollback")), "{}", upgrade.stderr);
    drop(node);
    example::set_version(&sandbox, "0.2.0").expect("an edit");
    assert!(
        check(&sandbox, 0).stdout.contains("nothing refuses the upgrade from 0.1.0+"),
        "the release that would boot"
    );
}

#[test]
fn a_build_that_aborts_or_does_not_build_is_refused() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let aborts = sandbox.cli(["check"]).env("RUSTFLAGS", "-Cpanic=abort -Copt-level=0").expect(REFUSED);
    let (error, _) = aborts.complaint();
    assert!(error.is_some_and(|error| error.contains("panic = \"abort\"")), "{}", aborts.stderr);
    sandbox.edit(FILE, FIELD, "    extra: Unknown,\n").expect("an edit");
    let broken = check(&sandbox, REFUSED);
    assert!(broken.stderr.contains("the build of moving failed"), "{}", broken.stderr);
}

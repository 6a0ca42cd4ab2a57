//! A tree of supervisors moves to another version with its servers, and becomes what that version says it is.

use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

fn fixture() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("trees").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/tree.rs", from, to).expect("an edit");
}

/// The processes of these children, in this order, and the root's before.
fn pids(talk: &mut Talk, names: &[&str]) -> Vec<String> {
    let root = talk.ask("root");
    std::iter::once(root).chain(names.iter().map(|name| talk.ask(&format!("pid {name}")))).collect()
}

/// What the tree's children have said in the log: version, and what.
fn said(node: &Node) -> Vec<String> {
    let log = node.log();
    let said = log.lines().filter(|line| line.contains(" starts") || line.contains(" ends: "));
    said.map(event).collect()
}

/// Version and message of a line of the log.
fn event(line: &str) -> String {
    let words: Vec<_> = line.split(' ').skip_while(|word| !word.starts_with('<')).skip(1).collect();
    let (version, message) = (words[0], words[2..].join(" "));
    format!("{version} {}", message.split(" at ").next().unwrap_or_default())
}

const MOVING: [&str; 6] = ["first", "inner", "deep", "deeper", "rooms", "last"];

#[test]
fn a_tree_moves_with_its_servers_on_and_back_and_goes_on_by_the_new_versions_rules() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    talk.expect("add first 5", "5");
    talk.expect("add deep 7", "7");
    // Of two restarts of the inner one's window.
    talk.expect("kill deeper", "again");
    let stayed = pids(&mut talk, &MOVING);
    let (plain, job) = (talk.ask("pid plain"), talk.ask("pid job"));

    edit(&sandbox, "const START: u64 = 0;", "const START: u64 = 1000;");
    let next = sandbox.upgrade().expect("an upgrade");
    assert_eq!(pids(&mut talk, &MOVING), stayed, "they are the processes that they were");
    talk.expect("add first 1", "6");
    talk.expect("add deep 1", "8");
    assert_ne!(talk.ask("pid plain"), plain, "what has no state is started anew");
    assert_eq!(talk.ask("pid job"), job, "what ends by itself is left to its end");
    let events = said(&node);
    assert_eq!(events[events.len() - 1..], [format!("{next} plain starts")], "{events:?}");
    let versions = node.status()["versions"].clone();
    assert_eq!(versions[0]["version"], next.as_str(), "{versions}");
    assert_eq!(versions[0]["root"]["pid"], stayed[0].as_str(), "{versions}");
    assert_eq!(versions[1]["root"], serde_json::Value::Null, "the version before has none: {versions}");

    talk.expect("kill last", "again");
    talk.expect("add last 1", "1001");
    talk.expect("kill job", "again");
    let events = said(&node);
    assert_eq!(events[events.len() - 2..], [format!("{next} last starts"), format!("{next} job starts")]);
    // The second in an hour: it is allowed, and the third is not.
    talk.expect("kill deeper", "again");
    let stayed = pids(&mut talk, &MOVING);

    edit(&sandbox, "const START: u64 = 1000;", "const START: u64 = 2000;");
    sandbox.upgrade().expect("another upgrade");
    assert_eq!(pids(&mut talk, &MOVING), stayed);
    let _said = sandbox.cli(["rollback", "--drain-wait", "0", &before]).expect(0);
    assert_eq!(node.version(), before);
    assert_eq!(pids(&mut talk, &MOVING), stayed);
    talk.expect("add first 1", "7");
    talk.expect("add deep 1", "9");
    talk.expect("kill last", "again");
    talk.expect("add last 1", "1");
    let inner = talk.ask("pid inner");
    talk.tell("kill deeper");
    node.log_line("too many restarts: giving up").expect("three restarts of the inner one, on three versions");
    assert_ne!(talk.hear(), "");
    assert_ne!(talk.ask("pid inner"), inner);
}

#[test]
fn what_a_version_adds_starts_before_the_upgrade_is_done_and_what_it_drops_is_stopped() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    talk.expect("add deep 7", "7");
    talk.expect("tree", "first plain job inner(deep deeper) rooms last");
    let stayed = pids(&mut talk, &MOVING);
    let plain = talk.ask("pid plain");

    edit(&sandbox, "// Behind the first is added here.", "counter(\"second\"),");
    edit(&sandbox, "// Behind the last is added here.", "failing(\"bad\"),");
    let refused = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(10);
    assert!(refused.stderr.contains("child \"bad\": its start failed: error: not today"), "{}", refused.stderr);
    assert_eq!(node.version(), before);
    talk.expect("tree", "first plain job inner(deep deeper) rooms last");
    assert_eq!(pids(&mut talk, &MOVING), stayed, "all are what they were");
    assert_eq!(talk.ask("pid plain"), plain);
    talk.expect("add deep 1", "8");

    edit(&sandbox, "failing(\"bad\"),", "counter(\"late\"),");
    edit(&sandbox, "// Below is added here.", "counter(\"deepest\"),");
    edit(&sandbox, "        counter(\"deep\"),\n", "");
    edit(&sandbox, "        counter(\"last\"),\n", "");
    let begun = said(&node).len();
    let next = sandbox.upgrade().expect("an upgrade");
    talk.expect("tree", "first second plain job inner(deeper deepest) rooms late");
    let started = ["second", "deepest", "late"].map(|name| format!("{next} {name} starts"));
    let stopped = ["last", "deep"].map(|name| format!("{next} {name} ends: shutdown"));
    assert_eq!(said(&node)[begun..], [&started[..], &stopped, &[format!("{next} plain starts")]].concat());

    let begun = said(&node).len();
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    talk.expect("tree", "first plain job inner(deep deeper) rooms last");
    let started = ["deep", "last"].map(|name| format!("{before} {name} starts"));
    let stopped = ["late", "deepest", "second"].map(|name| format!("{before} {name} ends: shutdown"));
    assert_eq!(said(&node)[begun..], [&started[..], &stopped, &[format!("{before} plain starts")]].concat());
}

#[test]
fn a_child_that_is_of_another_kind_is_another_and_one_of_other_settings_the_same() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    talk.expect("add last 7", "7");
    let (first, deep) = (talk.ask("pid first"), talk.ask("pid deep"));
    edit(
        &sandbox,
        "        counter(\"last\"),\n",
        "        Child::supervisor(\"last\", supervisor(vec![counter(\"under\")], 9)),\n",
    );
    edit(&sandbox, "        counter(\"first\"),\n", "        counter(\"first\").restart(Restart::Temporary),\n");
    let begun = said(&node).len();
    let next = sandbox.upgrade().expect("an upgrade");
    talk.expect("tree", "first plain job inner(deep deeper) rooms last(under)");
    let events = said(&node)[begun..].to_vec();
    assert!(events.contains(&format!("{next} under starts")), "{events:?}");
    assert!(events.iter().any(|event| event.ends_with("last ends: shutdown")), "{events:?}");
    assert_eq!((talk.ask("pid first"), talk.ask("pid deep")), (first.clone(), deep.clone()));
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), before);
    talk.expect("tree", "first plain job inner(deep deeper) rooms last");
    talk.expect("add last 1", "1");
    assert_eq!((talk.ask("pid first"), talk.ask("pid deep")), (first, deep));
    // What its settings are now: it is started again.
    talk.expect("kill first", "again");

    let _said = sandbox.cli(["upgrade", "--force", "--drain-wait", "0"]).expect(0);
    talk.expect("kill first", "gone");
    talk.expect("tree", "plain job inner(deep deeper) rooms last(under)");
}

#[test]
fn what_a_version_on_probation_has_stopped_runs_again_when_it_goes() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    talk.expect("add first 5", "5");
    let first = talk.ask("pid first");
    edit(&sandbox, "        counter(\"last\"),\n", "        counter(\"late\"),\n");
    let _said = sandbox.cli(["upgrade", "--confirm-within", "10m", "--drain-wait", "0"]).expect(0);
    talk.expect("tree", "first plain job inner(deep deeper) rooms late");

    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), before);
    talk.expect("tree", "first plain job inner(deep deeper) rooms last");
    assert_eq!(talk.ask("pid first"), first);
    talk.expect("add first 1", "6");
    talk.expect("add last 1", "1");
}

#[test]
fn children_of_an_argument_are_started_again_by_the_new_versions_template_and_guests_are_not() {
    const BELOW: [&str; 4] = ["rooms", "blue", "suite-bed", "bed"];
    let (sandbox, node) = fixture();
    let mut talk = Talk::open(node.address());
    talk.expect("room blue", "ok");
    talk.expect("room suite-bed", "ok");
    talk.expect("guest visitor", "ok");
    talk.expect("add blue 3", "3");
    talk.expect("add bed 4", "4");
    let stayed = [pids(&mut talk, &BELOW), vec![talk.ask("pid visitor")]];

    edit(&sandbox, "const START: u64 = 0;", "const START: u64 = 1000;");
    let next = sandbox.upgrade().expect("an upgrade");
    assert_eq!([pids(&mut talk, &BELOW), vec![talk.ask("pid visitor")]], stayed);
    talk.expect("add blue 1", "4");
    talk.expect("add bed 1", "5");
    talk.expect("kill blue", "again");
    talk.expect("add blue 1", "1001");
    talk.expect("kill bed", "again");
    talk.expect("add bed 1", "1001");
    talk.expect("kill suite-bed", "again");
    talk.expect("add bed 1", "1001");
    talk.expect("kill visitor", "gone");
    // Of a process on the version before.
    talk.expect("room green", "ok");
    talk.expect("add green 1", "1001");
    talk.expect("tree", "first plain job inner(deep deeper) rooms(blue suite-bed(bed) green) last");
    let refused = talk.ask("guest another");
    assert!(refused.contains("does not understand the message"), "{refused}");

    // A template that does not understand what there is.
    edit(&sandbox, "fn room(name: String) -> Child {", "fn room((name, _): (String, u64)) -> Child {");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
    assert!(said.stderr.contains("supervisor rooms: the template takes no such argument"), "{}", said.stderr);
    assert_eq!(node.version(), next);
    talk.expect("add blue 1", "1002");
}

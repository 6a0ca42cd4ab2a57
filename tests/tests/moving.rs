//! Processes move to another version, with their state and all that others know of them.

use std::time::Duration;
use system_tests::counter;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

fn fixture() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/counter.rs", from, to).expect("an edit");
}

#[test]
fn a_server_moves_with_its_state_and_all_that_others_know_of_it() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut old = Talk::open(node.address());
    assert!(old.ask("start a").starts_with('<'));
    old.expect("add a 5", "5");
    let mut waiting = Talk::open(node.address());
    waiting.tell("hold a");
    old.expect("watch a 2500", "ok");
    old.expect("tick a 2500", "ok");
    edit(&sandbox, "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let to = sandbox.upgrade().expect("an upgrade");

    let mut new = Talk::open(node.address());
    for talk in [&mut old, &mut new] {
        let report = talk.ask("report a");
        assert!(report.contains(&format!("version: {to:?}, sum: 5,")), "it runs on the new version: {report}");
    }
    new.expect("add a 1", "105");
    old.expect("add a 1", "205");
    old.expect("release a done", "ok");
    assert_eq!(waiting.hear(), "done", "who waited for an answer gets it");
    let heard = wait::until("what was under way comes", Duration::from_secs(20), || {
        Some(new.ask("report a")).filter(|report| report.contains("downs: 1, ticks: 1"))
    });
    heard.expect("a monitor and a timer go with it");
    // A time-out that runs goes on running.
    new.expect("wait a 4000", "ok");
    // Back, which needs no build.
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    let line = node.log_line("the time is up").expect("a line of the log");
    assert!(line.contains(&before), "{line}");
    old.expect("start a", "another process has the name");
}

#[test]
fn ten_thousand_servers_move_under_load_and_no_message_is_lost_doubled_or_reordered() {
    let (sandbox, node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("swarm 10000", "10000");
    let mut load = Talk::open(node.address());
    load.tell("load 4 150");
    edit(&sandbox, "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    sandbox.upgrade().expect("an upgrade");
    assert_eq!(load.hear(), "0", "sends that were refused");
    assert_eq!(old.ask("swarm-report"), format!("{} 0 [10000]", 10_000 * 4 * 150));
}

/// Where processes block, threads that hold no scheduler run others: a turn of one that moves, too.
#[test]
fn servers_move_while_others_block_their_schedulers() {
    let sandbox = Sandbox::releasable("moving").expect("the fixture builds");
    let (own, first) = (sandbox.release("own").expect("a release"), sandbox.release("first").expect("a release"));
    edit(&sandbox, "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let second = sandbox.release("second").expect("a release");
    let node = sandbox.start(&own).expect("it serves");
    let mut talk = Talk::open(node.address());
    talk.expect("swarm 2000", "2000");
    talk.expect("block 300 1000", "300");
    for to in [&second, &first] {
        let upgrade = sandbox.cli(["upgrade", "--drain-wait", "0", "--release"]).args([to.root()]);
        let _said = upgrade.env("CARGO_SYSTEM_NODE", node.root()).expect(0);
    }
    talk.expect("swarm-report", "0 0 [2000]");
}

#[test]
fn a_state_that_cannot_be_converted_is_found_before_anything_has_changed() {
    let (sandbox, node) = fixture();
    let mut old = Talk::open(node.address());
    assert!(old.ask("start a").starts_with('<'));
    let before = node.version();
    counter::convert(&sandbox, "if before.sum == 0 { return Err(\"not today\") }");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
    assert!(said.stderr.contains("rehearse") && said.stderr.contains("not today"), "{}", said.stderr);
    assert_eq!(node.version(), before);
    old.expect("add a 1", "1");
    // The same again, mended.
    edit(&sandbox, "before.sum == 0", "before.sum == 13");
    sandbox.upgrade().expect("an upgrade");
    old.expect("add a 1", "2");
}

#[test]
fn a_conversion_that_hangs_panics_or_eats_memory_harms_nobody() {
    let (sandbox, mut node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("swarm 1", "1");
    let before = node.version();
    counter::convert(&sandbox, "std::hint::black_box(loop {});");
    for (what, next, said) in [
        ("std::hint::black_box(loop {});", "panic!(\"no way\");", "takes longer than"),
        (
            "panic!(\"no way\");",
            "let mut all = Vec::new(); while before.sum == 0 { all.push(Vec::<u8>::with_capacity(1 << 20)) }",
            "no way",
        ),
        ("let mut all = Vec::new(); while before.sum == 0 { all.push(Vec::<u8>::with_capacity(1 << 20)) }", "", "MiB"),
    ] {
        let refused = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
        assert!(refused.stderr.contains("rehearse") && refused.stderr.contains(said), "{}", refused.stderr);
        assert_eq!(node.version(), before);
        old.expect("swarm-report", "0 0 [1]");
        edit(&sandbox, what, next);
    }
    assert!(node.is_alive());
    sandbox.upgrade().expect("an upgrade");
    old.expect("swarm-report", "0 0 [1]");
}

#[test]
fn a_move_that_fails_half_way_brings_back_those_that_had_moved() {
    /// Copies are converted twice each, forth and back: this is in the middle of the moves.
    const FAILS: &str = "static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2 * 10_000 + 7_421 {
            return Err(\"not this one\");
        }";
    let (sandbox, node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("swarm 10000", "10000");
    let before = node.version();
    counter::convert(&sandbox, FAILS);
    let mut load = Talk::open(node.address());
    load.tell("load 4 40");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(10);
    assert!(said.stderr.contains("not this one"), "{}", said.stderr);
    assert_eq!(node.version(), before);
    assert_eq!(load.hear(), "0", "sends that were refused");
    assert_eq!(old.ask("swarm-report"), format!("{} 0 [10000]", 10_000 * 4 * 40));
    let history = sandbox.cli(["history"]).expect(0).stdout;
    assert!(history.contains("rolled back"), "{history}");
    // It serves still, and can be tried again.
    sandbox.upgrade().expect("an upgrade");
    assert_eq!(old.ask("swarm-report"), format!("{} 0 [10000]", 10_000 * 4 * 40));
}

#[test]
fn a_roll_back_moves_everything_back_and_what_it_left_is_in_quarantine() {
    let (sandbox, node) = fixture();
    let nothing = sandbox.cli(["rollback"]).expect(14);
    assert!(nothing.stderr.contains("nothing to go back to"), "{}", nothing.stderr);
    let mut talk = Talk::open(node.address());
    assert!(talk.ask("start a").starts_with('<'));
    let before = node.version();
    edit(&sandbox, "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let planned = sandbox.cli(["rollback", "--dry-run"]).expect(14);
    assert!(planned.stderr.contains("nothing to go back to"), "{}", planned.stderr);
    let after = sandbox.upgrade().expect("an upgrade");
    talk.expect("add a 1", "100");
    let planned = sandbox.cli(["rollback", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains(&format!("{after} → {before}")), "{planned}");
    assert!(planned.contains(&format!("moves to {before} with the state")), "{planned}");
    assert_eq!(node.version(), after, "and nothing has changed");
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), before);
    talk.expect("add a 1", "101");
    let refused = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
    assert!(refused.stderr.contains("quarantine"), "{}", refused.stderr);
    let _said = sandbox.cli(["upgrade", "--drain-wait", "0", "--force"]).expect(0);
    assert_eq!(node.version(), after);
    talk.expect("add a 1", "201");
}

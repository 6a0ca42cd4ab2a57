//! Processes that move all at once: versions that must not meet do not, and one that cannot move keeps all others where they are.

use system_tests::counter;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

/// "Failed and rolled back".
const ROLLED_BACK: i32 = 10;
/// "Refused before anything changed".
const REFUSED: i32 = 14;
const APPLICATION: &str = "Application::new()";

fn fixture(count: u64) -> (Sandbox, Node, Talk) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    sandbox.set("move = \"barrier\"").expect("settings");
    let node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    talk.expect(&format!("swarm {count}"), &count.to_string());
    (sandbox, node, talk)
}

fn factor(sandbox: &Sandbox, from: u64, to: u64) {
    let line = |number| format!("const FACTOR: u64 = {number};");
    sandbox.edit("src/counter.rs", &line(from), &line(to)).expect("an edit");
}

#[test]
fn all_cross_at_once_forth_and_back_and_no_version_meets_another() {
    let (sandbox, node, mut old) = fixture(2000);
    let (mut load, mut meeting) = (Talk::open(node.address()), Talk::open(node.address()));
    load.tell("load 4 200");
    meeting.tell("meet");
    factor(&sandbox, 1, 2);
    let planned = sandbox.cli(["upgrade", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains("processes that move do so at a barrier"), "{planned}");
    let upgraded = sandbox.cli(["upgrade", "--json", "--drain-wait", "0"]).expect(0).json();
    assert!(upgraded["pauses"]["count"].as_u64() >= Some(2000), "{upgraded}");
    assert_eq!(meeting.hear(), "0", "who answered in the version before, when another had answered in the next");
    assert_eq!(load.hear(), "0", "sends that were refused");
    assert_eq!(old.ask("swarm-report"), format!("{} 0 [2000]", 2000 * 4 * 200));

    meeting.tell("meet");
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(meeting.hear(), "0", "on the way back");
}

/// More stand than may be restored at a time, each by a helper that blocks its thread: those that found none are restored when all stand.
#[test]
fn slow_conversions_are_made_a_few_at_a_time_and_all_cross() {
    let (sandbox, node, mut talk) = fixture(100);
    let before = node.version();
    counter::convert(&sandbox, "std::thread::sleep(std::time::Duration::from_millis(20));");
    let upgraded = sandbox.cli(["upgrade", "--json", "--drain-wait", "0"]).expect(0).json();
    assert_eq!(upgraded["pauses"]["count"], 100, "{upgraded}");
    assert_ne!(node.version(), before);
    talk.expect("swarm-report", "0 0 [100]");
}

/// Sound for copies, and fails as one of the processes crosses.
const FAILS_ONCE: &str = "
        static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2 * 2000 + 1000 {
            return Err(\"not this one\");
        }";

#[test]
fn one_that_cannot_be_converted_or_takes_too_long_keeps_all_where_they_are() {
    const HANGS: &str = "std::hint::black_box(loop {});";
    let (sandbox, node, mut talk) = fixture(2000);
    let before = node.version();
    counter::convert(&sandbox, FAILS_ONCE);
    let mut load = Talk::open(node.address());
    load.tell("load 4 50");
    let all = format!("{} 0 [2000]", 2000 * 4 * 50);
    let refused = |talk: &mut Talk, says: &str| {
        let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(REFUSED);
        assert!(said.stderr.contains("step: switch") && said.stderr.contains(says), "{}", said.stderr);
        assert!(said.stderr.contains("nothing has changed"), "{}", said.stderr);
        assert_eq!(node.version(), before);
        assert_eq!(talk.ask("swarm-report").split(' ').nth(2), Some("[2000]"), "nobody is left suspended");
    };
    refused(&mut talk, "not this one");
    assert_eq!(load.hear(), "0", "sends that were refused");
    assert_eq!(talk.ask("swarm-report"), all);
    sandbox.edit("src/counter.rs", "return Err(\"not this one\");", HANGS).expect("an edit");
    refused(&mut talk, "takes longer than");
    sandbox.edit("src/counter.rs", HANGS, "std::hint::black_box(0);").expect("an edit");
    sandbox.upgrade().expect("mended");
    assert_eq!(talk.ask("swarm-report"), all);
}

#[test]
fn what_does_not_do_well_behind_the_barrier_comes_back_through_it() {
    let (sandbox, node, mut talk) = fixture(200);
    let before = node.version();
    let mut meeting = Talk::open(node.address());
    let check = "health_check(\"db\", Duration::from_secs(60), || async {
        sleep(Duration::from_millis(500)).await;
        Err::<(), String>(\"no route\".to_owned())
    })";
    sandbox.edit("src/lib.rs", APPLICATION, &format!("{APPLICATION}.{check}")).expect("an edit");
    meeting.tell("meet");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(ROLLED_BACK);
    assert!(said.stderr.contains("no route"), "{}", said.stderr);
    assert_eq!(meeting.hear(), "0");
    assert_eq!(node.version(), before);
    assert_eq!(talk.ask("swarm-report"), "0 0 [200]");
}

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

/// Nothing that two builds share knows how either lays out its types.
#[test]
fn a_server_moves_to_a_build_of_another_layout_and_optimisation_and_back() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    assert!(talk.ask("start a").starts_with('<'));
    talk.expect("add a 5", "5");
    edit(&sandbox, "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    let upgrade = sandbox.cli(["upgrade", "--drain-wait", "0"]).env("RUSTC_BOOTSTRAP", "1");
    let _said = upgrade.env("RUSTFLAGS", "-Zrandomize-layout -Copt-level=1").expect(0);
    talk.expect("add a 1", "105");
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), before);
    talk.expect("add a 1", "106");
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
    let history = sandbox.cli(["history", "--json"]).expect(0).json();
    let pauses = &history["history"][0]["pauses"];
    let buckets = pauses["buckets"].as_array().expect("a histogram");
    let counted: u64 = buckets.iter().filter_map(|bucket| bucket["count"].as_u64()).sum();
    assert_eq!((counted, pauses["count"].as_u64()), (10_000, Some(10_000)), "each pause is in a bucket: {pauses}");
    let (first, last) = (&buckets[0]["up_to_ns"], &buckets[buckets.len() - 1]["up_to_ns"]);
    assert!(first.as_u64() > Some(0) && last.as_u64() >= pauses["max_ns"].as_u64(), "{pauses}");
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

/// One budget for all that are converted at a time.
#[test]
fn a_hundred_conversions_that_eat_memory_are_ended_together_before_it_is_gone() {
    /// More than a node, and the budget of all conversions.
    const PEAK_MAX_KIB: u64 = 3 << 20;
    let (sandbox, mut node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("swarm 100", "100");
    let before = node.version();
    // Each page of it is written to.
    counter::convert(
        &sandbox,
        "let mut all: Vec<Vec<u8>> = Vec::new(); while before.sum == 0 { all.push(vec![1; 1 << 20]) }",
    );
    let refused = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
    // A machine that is busy with others gives out memory so slowly that their time may be over first.
    let is_bounded = ["MiB", "takes longer than"].iter().any(|bound| refused.stderr.contains(bound));
    assert!(refused.stderr.contains("rehearse") && is_bounded, "{}", refused.stderr);
    assert!(node.is_alive());
    assert_eq!(node.version(), before);
    old.expect("swarm-report", "0 0 [100]");
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.os_pid())).expect("readable");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak of its memory");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak < PEAK_MAX_KIB, "{peak} KiB");
}

/// The rehearsal does not see everything: what goes wrong in the move itself is undone.
#[test]
fn a_conversion_that_hangs_panics_or_eats_memory_in_the_move_itself_is_rolled_back() {
    /// A copy is converted twice, forth and back.
    fn at_the_move(harm: &str) -> String {
        format!(
            "static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 2 {{ {harm} }}"
        )
    }
    const HANGS: &str = "std::hint::black_box(loop {})";
    const PANICS: &str = "panic!(\"no way\")";
    const EATS: &str =
        "let mut all = Vec::new(); while before.sum == 7 { all.push(Vec::<u8>::with_capacity(1 << 20)) }";
    let (sandbox, mut node) = fixture();
    let mut old = Talk::open(node.address());
    assert!(old.ask("start a").starts_with('<'));
    old.expect("add a 7", "7");
    let before = node.version();
    counter::convert(&sandbox, &at_the_move(HANGS));
    let mut harm = HANGS;
    for (next, says) in [(PANICS, "takes longer than"), (EATS, "no way"), ("", "MiB")] {
        let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(10);
        assert!(said.stderr.contains("step: move") && said.stderr.contains(says), "{says}: {}", said.stderr);
        assert_eq!(node.version(), before);
        old.expect("add a 0", "7");
        if !next.is_empty() {
            edit(&sandbox, harm, next);
        }
        harm = next;
    }
    assert!(node.is_alive());
    let history = sandbox.cli(["history"]).expect(0).stdout;
    assert_eq!(history.matches("rolled back").count(), 3, "{history}");
}

/// What has no way back after all stays where it is, and that is said.
#[test]
fn a_conversion_back_that_fails_after_the_move_is_not_rolled_back_and_says_so() {
    let (sandbox, mut node) = fixture();
    let mut old = Talk::open(node.address());
    assert!(old.ask("start a").starts_with('<'));
    old.expect("add a 7", "7");
    let before = node.version();
    counter::convert(&sandbox, "");
    // The rehearsal has gone there and back.
    edit(
        &sandbox,
        "    fn from(now: Counter) -> Self {",
        "    fn from(now: Counter) -> Self {
        static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        assert!(SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0, \"no way back\");",
    );
    let check = "    Application::new().health_check(\"db\", Duration::from_secs(60), || async { Err::<(), String>(\"no route\".to_owned()) })";
    sandbox.edit("src/lib.rs", "    Application::new()", check).expect("an edit");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(11);
    assert!(said.stderr.contains("no route") && said.stderr.contains("and on the way back"), "{}", said.stderr);
    assert!(node.is_alive());
    assert_eq!(node.version(), before, "new processes start on the version before");
    // It has its state, and answers, where it is.
    old.expect("add a 1", "8");
    let history = sandbox.cli(["history", "--json"]).expect(0).json();
    assert_eq!(history["history"][0]["outcome"], "failed");
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
    // Once more is not forth again.
    for words in
        [&["rollback"][..], &["rollback", "--dry-run"], &["rollback", &after], &["rollback", &after, "--dry-run"]]
    {
        let again = sandbox.cli(words.iter().copied()).expect(14);
        let said = [&again.stdout, &again.stderr].map(String::as_str).concat();
        assert!(said.contains(&after) && said.contains("was rolled back"), "{words:?}: {said}");
        assert_eq!(node.version(), before, "{words:?}");
    }
    talk.expect("add a 0", "101");
    let refused = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(14);
    assert!(refused.stderr.contains("quarantine"), "{}", refused.stderr);
    let _said = sandbox.cli(["upgrade", "--drain-wait", "0", "--force"]).expect(0);
    assert_eq!(node.version(), after);
    talk.expect("add a 1", "201");
}

//! Health checks and probation: a new version that does not do well, or that nobody confirms, is gone again, and its processes are back.

use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

/// "Failed and rolled back".
const ROLLED_BACK: i32 = 10;
/// "Another upgrade is in progress".
const LOCKED: i32 = 13;
/// "Refused before anything changed".
const REFUSED: i32 = 14;
/// Where the fixture takes a health check.
const APPLICATION: &str = "    Application::new()";

fn fixture() -> (Sandbox, Node, Talk) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    assert!(talk.ask("start a").starts_with('<'));
    talk.expect("add a 1", "1");
    (sandbox, node, talk)
}

fn change(sandbox: &Sandbox) {
    sandbox.edit("src/counter.rs", "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;").expect("an edit");
}

/// Upgrades with a probation; returns what was said.
fn on_probation(sandbox: &Sandbox, within: &str) -> String {
    let words = ["upgrade", "--confirm-within", within, "--drain-wait", "0", "--force"];
    let said = sandbox.cli(words).expect(0);
    assert!(said.stdout.contains("is on probation"), "{}", said.stdout);
    said.stdout
}

fn permanent(sandbox: &Sandbox) -> String {
    let releases = sandbox.cli(["releases", "--json"]).expect(0).json();
    let releases = releases["releases"].as_array().expect("releases").clone();
    let permanent = releases.iter().find(|release| release["state"] == "permanent").expect("a permanent one");
    permanent["version"].as_str().expect("text").to_owned()
}

/// Waits until the node has counted so many crashes, of all versions.
fn until_crashed(sandbox: &Sandbox, count: f64) {
    let crashed = || {
        let text = sandbox.cli(["metrics"]).expect(0).stdout;
        let samples = text.lines().filter(|line| line.starts_with("cargo_system_version_crashes_total{"));
        let crashes: f64 = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        (crashes.total_cmp(&count).is_eq()).then_some(())
    };
    wait::until("crashes are counted", Duration::from_secs(10), crashed).expect("they are");
}

fn goes_back(node: &Node, before: &str) {
    let back = wait::until("it goes back", Duration::from_secs(60), || {
        (node.version() == before && node.status()["probation"].is_null()).then_some(())
    });
    back.unwrap_or_else(|error| panic!("{error}\n{}", node.log()));
}

/// Outcome and message of the last entry, once nothing is in progress.
fn last_of_history(sandbox: &Sandbox) -> (String, String) {
    let entry = wait::until("the end stands in the history", Duration::from_secs(10), || {
        let said = sandbox.cli(["history", "--json"]).expect(0).json();
        said["in_progress"].is_null().then(|| said["history"][0].clone())
    });
    let entry = entry.expect("an entry");
    let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    (text("outcome"), text("message"))
}

#[test]
fn what_is_confirmed_stays_and_boots_from_then_on() {
    let (sandbox, node, mut talk) = fixture();
    let before = node.version();
    change(&sandbox);
    on_probation(&sandbox, "10m");
    let after = node.version();
    assert_ne!(after, before);
    talk.expect("add a 1", "101");
    assert_eq!(permanent(&sandbox), before, "what boots is the one before");
    let probation = node.status()["probation"].clone();
    assert_eq!((&probation["to"], &probation["unconfirmed"]), (&after.clone().into(), &"rolled-back".into()));
    let status = sandbox.cli(["status"]).expect(0).stdout;
    assert!(status.contains("unless cargo system confirm is called"), "{status}");
    node.log_line("unless it is confirmed: cargo system confirm").expect("it is announced");

    sandbox.edit("src/counter.rs", "const FACTOR: u64 = 100;", "const FACTOR: u64 = 7;").expect("an edit");
    let other = sandbox.cli(["upgrade"]).expect(LOCKED);
    assert!(other.stderr.contains("is on probation"), "{}", other.stderr);

    let _said = sandbox.cli(["confirm"]).expect(0);
    assert_eq!((permanent(&sandbox), node.version()), (after.clone(), after));
    assert!(node.status()["probation"].is_null());
    let nothing = sandbox.cli(["confirm"]).expect(REFUSED);
    assert!(nothing.stderr.contains("nothing is on probation"), "{}", nothing.stderr);
    talk.expect("add a 1", "201");
}

#[test]
fn what_nobody_confirms_goes_back_by_itself_and_is_in_quarantine() {
    let (sandbox, node, mut talk) = fixture();
    let before = node.version();
    change(&sandbox);
    on_probation(&sandbox, "3s");
    talk.expect("add a 1", "101");
    goes_back(&node, &before);
    talk.expect("add a 1", "102");
    assert_eq!(permanent(&sandbox), before);
    let (outcome, message) = last_of_history(&sandbox);
    assert!(outcome == "rolled-back" && message.contains("nobody has confirmed it within 3s"), "{outcome}: {message}");
    let again = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(again.stderr.contains("quarantine"), "{}", again.stderr);

    // By hand, on probation: that is what was wished for.
    on_probation(&sandbox, "10m");
    let planned = sandbox.cli(["rollback", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains(&before), "{planned}");
    let back = sandbox.cli(["rollback", "--json"]).expect(0).json();
    assert_eq!((&back["to"], &back["changed"]), (&before.clone().into(), &true.into()));
    assert_eq!(node.version(), before);
    talk.expect("add a 1", "103");
}

#[test]
fn a_node_that_dies_on_probation_boots_in_the_version_before() {
    let (sandbox, node, _talk) = fixture();
    let before = node.version();
    change(&sandbox);
    on_probation(&sandbox, "10m");
    assert_ne!(node.version(), before);
    drop(node);
    let command = sandbox.cli(["start", "--listen", "127.0.0.1:0"]).into_command();
    let node = Node::start(command, &sandbox.root()).expect("it boots");
    assert_eq!(node.version(), before);
    assert_eq!(last_of_history(&sandbox).0, "crashed");
}

#[test]
fn a_node_that_is_stopped_on_probation_says_so_and_boots_in_the_version_before() {
    let (sandbox, node, _talk) = fixture();
    let before = node.version();
    change(&sandbox);
    on_probation(&sandbox, "10m");
    let _said = sandbox.cli(["stop"]).expect(0);
    drop(node);
    let command = sandbox.cli(["start", "--listen", "127.0.0.1:0"]).into_command();
    let node = Node::start(command, &sandbox.root()).expect("it boots");
    assert_eq!(node.version(), before);
    let (outcome, message) = last_of_history(&sandbox);
    assert!(outcome == "rolled-back" && message.contains("the node was stopped"), "{outcome}: {message}");
    // Nobody has found anything wrong with it.
    let planned = sandbox.cli(["upgrade", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains("planned and not done"), "{planned}");
}

#[test]
fn a_hook_that_takes_its_time_does_not_keep_a_node_from_stopping() {
    let (sandbox, mut node, _talk) = fixture();
    let folder = sandbox.root().join("hooks");
    std::fs::create_dir_all(&folder).expect("a folder");
    // Until somebody says so, and for nine seconds at the most.
    let script = "#!/bin/sh\ntouch begun\nfor i in $(seq 90); do [ -e go ] && break; sleep 0.1; done\ntouch done\n";
    std::fs::write(folder.join("after"), script).expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.join("after"), executable).expect("executable");
    change(&sandbox);
    on_probation(&sandbox, "10m");
    let _said = sandbox.cli(["stop", "--grace", "0"]).expect(0);
    let _status = node.ended().expect("it ends");
    assert!(!sandbox.root().join("done").exists(), "the node has waited for the hook");
    std::fs::write(sandbox.root().join("go"), "").expect("written");
    let (outcome, message) = last_of_history(&sandbox);
    assert!(outcome == "rolled-back" && message.contains("the node was stopped"), "{outcome}: {message}");
}

#[test]
fn who_confirms_while_a_health_check_runs_does_not_wait_for_it() {
    const CHECK: &str = "health_check(\"slow\", Duration::from_secs(60), || async {
        static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        if SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 {
            tracing::info!(\"the check takes its time\");
            sleep(Duration::from_secs(59)).await;
        }
    })";
    let (sandbox, node, _talk) = fixture();
    sandbox.edit("src/lib.rs", APPLICATION, &format!("{APPLICATION}.{CHECK}")).expect("an edit");
    on_probation(&sandbox, "10m");
    let runs = wait::until("it is run again and again", Duration::from_secs(60), || {
        node.log().contains("the check takes its time").then_some(())
    });
    runs.expect("a check that runs");
    let _said = sandbox.cli(["confirm", "--timeout", "30"]).expect(0);
    assert_eq!(permanent(&sandbox), node.version());
}

#[test]
fn a_health_check_that_fails_hangs_or_panics_brings_back_the_version_before() {
    let (sandbox, mut node, mut talk) = fixture();
    let before = node.version();
    let check = |deadline: &str, check: &str| {
        format!("{APPLICATION}.health_check(\"db\", Duration::from_millis({deadline}), || async {{ {check} }})")
    };
    let mut edited = APPLICATION.to_owned();
    for (deadline, body, says) in [
        ("60_000", "Err::<(), String>(\"no route\".to_owned())", "the health check \"db\" failed: no route"),
        ("200", "std::future::pending::<()>().await", "has not ended within 200ms"),
        ("200", "while std::hint::black_box(true) { std::hint::spin_loop() }", "has not ended within 200ms"),
        ("60_000", "assert!(std::hint::black_box(false), \"no table\")", "no table"),
    ] {
        let next = check(deadline, body);
        sandbox.edit("src/lib.rs", &edited, &next).expect("an edit");
        edited = next;
        let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(ROLLED_BACK);
        assert!(said.stderr.contains("step: health") && said.stderr.contains(says), "{}", said.stderr);
        assert_eq!(node.version(), before);
        let again = sandbox.cli(["upgrade"]).expect(REFUSED);
        assert!(again.stderr.contains("quarantine"), "{}", again.stderr);
    }
    talk.expect("add a 1", "2");
    assert!(node.is_alive());
    sandbox.edit("src/lib.rs", &edited, &check("60_000", "sleep(Duration::from_millis(1)).await")).expect("an edit");
    let after = sandbox.upgrade().expect("a healthy version");
    assert_eq!((node.version(), permanent(&sandbox)), (after.clone(), after));
}

/// Those that have not crashed are back with their state, and serve on.
#[test]
fn new_code_that_panics_under_load_goes_back_and_who_waits_for_the_end_hears_it() {
    const ADD: &str = "                self.sum += number * FACTOR;";
    const SERVERS: u64 = 8;
    let (sandbox, node, mut talk) = fixture();
    let before = node.version();
    for server in 0..SERVERS {
        assert!(talk.ask(&format!("start s{server}")).starts_with('<'));
        talk.expect(&format!("add s{server} {server}"), &server.to_string());
    }
    talk.expect("swarm 200", "200");
    let mut load = Talk::open(node.address());
    load.tell("load 4 1000");
    sandbox
        .edit("src/counter.rs", ADD, &format!("                assert_ne!(number, 13, \"not today\");\n{ADD}"))
        .expect("an edit");
    let words = ["upgrade", "--confirm-within", "10m", "--wait", "--drain-wait", "0"];
    let upgrade = sandbox.cli(words);
    let waiting = std::thread::spawn(move || upgrade.expect(ROLLED_BACK));
    let on = wait::until("it is on probation", Duration::from_secs(120), || {
        (node.version() != before && !node.status()["probation"].is_null()).then_some(())
    });
    on.expect("it serves");
    // Five are enough to tell.
    for server in 0..5 {
        let said = talk.ask(&format!("add s{server} 13"));
        assert_ne!(said, (server + 13).to_string(), "it has panicked");
    }
    let said = waiting.join().expect("the command ends");
    assert!(said.stderr.contains("of its processes have crashed"), "{}", said.stderr);
    assert_eq!(node.version(), before);
    assert_eq!(last_of_history(&sandbox).0, "rolled-back");
    for server in 5..SERVERS {
        talk.expect(&format!("add s{server} 13"), &(server + 13).to_string());
    }
    assert_eq!(load.hear(), "0", "sends that were refused");
    assert_eq!(talk.ask("swarm-report"), format!("{} 0 [200]", 200 * 4 * 1000));
}

#[test]
fn a_version_that_crashes_more_often_than_the_one_before_goes_back() {
    let (sandbox, node, mut talk) = fixture();
    let before = node.version();
    change(&sandbox);
    on_probation(&sandbox, "10m");
    let mut new = Talk::open(node.address());
    new.expect("crash 4", "4");
    until_crashed(&sandbox, 4.0);
    assert_ne!(node.version(), before, "four are too few to tell");
    new.expect("crash 1", "1");
    goes_back(&node, &before);
    let (outcome, message) = last_of_history(&sandbox);
    // Not after four.
    assert!(outcome == "rolled-back" && message.contains("5 of its processes have crashed"), "{outcome}: {message}");
    talk.expect("add a 1", "2");
}

//! The promise of this project, and the proof that its test can see a failure.

use std::sync::Arc;
use std::time::{Duration, Instant};
use system_tests::example;
use system_tests::load::outcome::Report;
use system_tests::load::versions::VersionLog;
use system_tests::load::{Load, Mix};
use system_tests::sandbox::{EXAMPLE, Sandbox};
use system_tests::wait;

const UPGRADES: u32 = 20;

/// Shows a run's counts, which are what the test is about.
#[expect(clippy::print_stdout, reason = "the counts are the test's result")]
fn show(title: &str, report: &Report) {
    println!("{title}\n{report}");
}

#[test]
fn twenty_upgrades_under_load_lose_nothing() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let node = sandbox.run().expect("the example runs");
    let versions = Arc::new(VersionLog::new(&node.version()));
    let load = Load::start(node.address(), Mix::default(), Arc::clone(&versions)).expect("clients");

    let begun = Instant::now();
    let mut seen = vec![node.version()];
    for number in 0..UPGRADES {
        // Now and then a new version; mostly the same one, built anew, as in an afternoon's work.
        let edit = if number.is_multiple_of(10) { example::edit } else { example::edit_code };
        edit(&sandbox, number).expect("an edit");
        versions.ask();
        let version = sandbox.upgrade().expect("an upgrade");
        versions.acknowledge(&version);
        assert!(!seen.contains(&version), "upgrade {number} brought {version} again");
        assert_eq!(node.version(), version, "what was acknowledged is what serves");
        seen.push(version);
    }
    let took = begun.elapsed();
    let report = load.stop();
    show(&format!("{UPGRADES} upgrades under load in {took:.1?}"), &report);

    assert_eq!(report.failed(), 0, "no request fails\n{report}");
    for (kind, tally) in &report.kinds {
        assert!(tally.ok > u64::from(UPGRADES), "{kind} clients did not take part\n{report}");
    }
    let straddled = report.kinds["slow"].straddled;
    assert!(straddled >= u64::from(UPGRADES), "only {straddled} slow requests straddled an upgrade\n{report}");
    let handed_over = report.kinds["keep-alive"].handed_over;
    assert!(handed_over >= u64::from(UPGRADES), "only {handed_over} times was a connection handed over\n{report}");
    let echo = &report.kinds["echo"];
    assert_eq!(echo.connections, u64::from(Mix::default().echo), "each WebSocket stayed open for the whole run");
    old_versions_drain(&node);
}

/// Two builds, swapped as fast as the node can while clients ask as fast as they can: many more chances to lose a request
/// than builds leave time for.
#[test]
fn two_hundred_switches_under_full_load_lose_nothing() {
    let sandbox = Sandbox::releasable(EXAMPLE).expect("the example builds");
    let first = sandbox.release("first").expect("a release");
    example::edit_code(&sandbox, 1).expect("an edit");
    let second = sandbox.release("second").expect("another release");
    let node = sandbox.run().expect("the example runs");
    let versions = Arc::new(VersionLog::new(&node.version()));
    let mix = Mix { keep_alive: 6, connection: 3, slow: 0, echo: 3, pace: Duration::ZERO };
    let load = Load::start(node.address(), mix, Arc::clone(&versions)).expect("clients");
    for release in [&first, &second].into_iter().cycle().take(200) {
        versions.ask();
        let version = sandbox.upgrade_to(release).expect("an upgrade");
        versions.acknowledge(&version);
    }
    let report = load.stop();
    show("200 switches under full load", &report);
    assert_eq!(report.failed(), 0, "no request fails\n{report}");
    let handed_over = report.kinds["keep-alive"].handed_over;
    assert!(handed_over >= 200, "only {handed_over} times was a connection handed over\n{report}");
    assert_eq!(report.kinds["echo"].connections, u64::from(mix.echo), "each WebSocket stayed open for the whole run");
    old_versions_drain(&node);
}

/// With the load gone, nothing holds the old versions any more.
fn old_versions_drain(node: &system_tests::node::Node) {
    let drained = wait::until("the old versions drain", Duration::from_secs(20), || {
        let status = node.status();
        (status["versions"].as_array()?.len() == 1).then_some(())
    });
    drained.unwrap_or_else(|error| panic!("{error:#}: {}", node.status()));
}

#[test]
fn a_plain_restart_under_the_same_load_loses_requests() {
    let sandbox = Sandbox::new(EXAMPLE).expect("the example builds");
    let mut node = sandbox.run().expect("the example runs");
    let address = node.address();
    let versions = Arc::new(VersionLog::new(&node.version()));
    let idle = node.status()["processes"].as_u64().expect("a number");
    let load = Load::start(address, Mix::default(), Arc::clone(&versions)).expect("clients");
    wait::until("a round of load", Duration::from_secs(30), || {
        let processes = node.status()["processes"].as_u64()?;
        (processes >= idle + 16).then_some(())
    })
    .expect("the load is on");

    example::edit(&sandbox, 0).expect("an edit");
    versions.ask();
    let _ = sandbox.cli(["stop"]).expect(0);
    node.ended().expect("the node stops when it is told to");
    let node = sandbox.run_at(&address.to_string()).expect("the example runs again");
    versions.acknowledge(&node.version());

    let report = load.stop();
    show("a plain restart under the same load", &report);
    assert!(report.failed() >= 1, "the test cannot see a failure\n{report}");
}

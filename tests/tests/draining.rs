//! What becomes of processes that stay on an older version: as the release that took over says.

use serde_json::Value;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

fn fixture() -> (Sandbox, Node, Talk) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    talk.expect("swarm 1", "1");
    (sandbox, node, talk)
}

fn change(sandbox: &Sandbox, from: &str, to: &str) {
    let factor = |number: &str| format!("const FACTOR: u64 = {number};");
    sandbox.edit("src/counter.rs", &factor(from), &factor(to)).expect("an edit");
}

fn versions(node: &Node) -> Vec<Value> {
    node.status()["versions"].as_array().expect("versions").clone()
}

#[test]
fn who_does_not_finish_in_time_is_killed_or_asked_as_its_type_is() {
    for (policy, deadline, then, said) in [
        ("drain = \"kill\"", "drain-deadline = 3", "kill", "0 asked to stop, 1 killed"),
        ("drain = \"ask\"", "drain-deadline = 3", "ask", "1 asked to stop, 0 killed"),
        // They are left to finish, and not for ever.
        ("drain = \"leave\"", "live-age = 3", "kill", "0 asked to stop, 1 killed"),
    ] {
        let (sandbox, node, talk) = fixture();
        change(&sandbox, "1", "2");
        sandbox.set(&format!("{policy}\n{deadline}")).expect("settings");
        sandbox.upgrade().expect("an upgrade");
        let old = versions(&node).pop().expect("two");
        assert_eq!(old["processes"], 1, "this connection: {old}");
        assert_eq!(old["drain"]["then"], then, "{old}");
        node.log_line(said).expect("it says so");
        let gone = wait::until("the old version is gone", Duration::from_secs(20), || {
            (versions(&node).len() == 1).then_some(())
        });
        gone.expect("nobody is left on it");
        drop(talk);
        let mut new = Talk::open(node.address());
        assert_ne!(new.ask("version"), old["version"].as_str().expect("text"));
    }
}

/// Neither of the two types is asked, as all others are.
#[test]
fn a_type_of_processes_has_a_policy_of_its_own() {
    const SETTINGS: &str = r#"drain = "ask"
drain-deadline = 3
drain-types = { "moving::serve" = "leave", "moving::mayfly::{{closure}}" = "kill" }"#;
    let (sandbox, node, mut talk) = fixture();
    assert!(talk.ask("start a").starts_with('<'));
    talk.expect("watch a 600000", "ok");
    change(&sandbox, "1", "2");
    sandbox.set(SETTINGS).expect("settings");
    let planned = sandbox.cli(["upgrade", "--dry-run", "--json"]).expect(0).json();
    let then = |name: &str| {
        let all = planned["plan"]["processes"].as_array().expect("processes");
        let one = all.iter().find(|processes| processes["name"] == name);
        one.unwrap_or_else(|| panic!("no {name} in {planned:#}"))["then"].clone()
    };
    assert_eq!((then("moving::serve"), then("moving::mayfly::{{closure}}")), ("leave".into(), "kill".into()));
    let before = node.version();
    sandbox.upgrade().expect("an upgrade");
    node.log_line("0 asked to stop, 1 killed").expect("it says so");
    let heard = || talk.ask("report a").contains("downs: 1").then_some(());
    wait::until("who watches it hears of it", Duration::from_secs(20), heard).expect("it was killed");
    assert_eq!(talk.ask("version"), before, "who is left to finish goes on");
    assert_eq!(versions(&node).pop().expect("two")["processes"], 1, "and is the only one there");
}

#[test]
fn who_is_left_to_finish_holds_a_version_and_no_more_live_than_are_allowed() {
    let (sandbox, node, mut talk) = fixture();
    change(&sandbox, "1", "2");
    sandbox.set("live-versions = 2").expect("settings");
    sandbox.upgrade().expect("an upgrade");
    change(&sandbox, "2", "3");
    let before = node.version();
    let refused = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(
        refused.stderr.contains("2 versions have processes, and this release allows 2 with it"),
        "{}",
        refused.stderr
    );
    assert_eq!(node.version(), before);
    assert_ne!(talk.ask("version"), before, "who was there goes on");
    assert!(versions(&node).iter().all(|version| version["drain"].is_null()), "nobody is hurried");
    let old = versions(&node).pop().expect("two");
    let holder = old["held_by"][0].as_str().expect("who holds it").to_owned();
    let info = sandbox.cli(["info", &holder, "--json"]).expect(0).json();
    assert_eq!(info["version"], old["version"], "{info}");
    drop(talk);
    let finished =
        wait::until("the old version is gone", Duration::from_secs(20), || (versions(&node).len() == 1).then_some(()));
    finished.expect("nobody is left on it");
    sandbox.upgrade().expect("now there is room");
}

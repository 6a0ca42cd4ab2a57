//! `upgrade --dry-run`: what it says is what the upgrade does, and it does nothing itself.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::schema;
use system_tests::talk::Talk;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

fn fixture() -> (Sandbox, Node, Talk) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let talk = Talk::open(node.address());
    (sandbox, node, talk)
}

fn edit(sandbox: &Sandbox, file: &str, from: &str, to: &str) {
    sandbox.edit(file, from, to).expect("an edit");
}

/// Every file of the node's folder, but its socket, with its bytes.
fn files(folder: &Path, into: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let entry = entry.expect("readable");
        let kind = entry.file_type().expect("a type");
        if kind.is_dir() {
            files(&entry.path(), into);
        } else if kind.is_file() {
            into.insert(entry.path().display().to_string(), fs::read(entry.path()).expect("readable"));
        }
    }
}

fn all_files(node: &Node) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    files(node.root(), &mut all);
    all
}

/// How many mappings of plugins' files the node has.
fn plugins_mapped(node: &Node) -> usize {
    let maps = fs::read_to_string(format!("/proc/{}/maps", node.os_pid())).expect("readable");
    maps.lines().filter(|line| line.contains("libmoving") || line.contains("/lib/moving")).count()
}

fn fates(plan: &Value) -> BTreeMap<String, (u64, String)> {
    let types = plan["processes"].as_array().expect("processes").iter();
    let fate = |kind: &Value| {
        let text = |key: &str| kind[key].as_str().expect("text").to_owned();
        (text("name"), (kind["processes"].as_u64().expect("a number"), text("fate")))
    };
    types.map(fate).collect()
}

#[test]
fn a_dry_run_changes_nothing_and_the_upgrade_does_what_it_said() {
    let (sandbox, node, mut talk) = fixture();
    talk.expect("swarm 7", "7");
    edit(&sandbox, "src/counter.rs", "const FACTOR: u64 = 1;", "const FACTOR: u64 = 100;");
    edit(
        &sandbox,
        "src/lib.rs",
        r#".listen("moving", "127.0.0.1:4006", serve)"#,
        r#".listen("moving", "127.0.0.1:4006", serve).listen("more", "127.0.0.1:0", serve)"#,
    );
    let (before, mapped, version) = (all_files(&node), plugins_mapped(&node), node.version());
    assert!(mapped > 0, "the plugin that runs is mapped");
    let said = sandbox.cli(["upgrade", "--dry-run", "--json"]).expect(0);
    assert_eq!(all_files(&node), before, "nothing is written");
    assert_eq!(plugins_mapped(&node), mapped, "nothing is loaded");
    assert_eq!(node.version(), version);

    let result = said.json();
    assert_eq!((&result["outcome"], &result["exit_code"]), (&"planned".into(), &0.into()));
    let plan = &result["plan"];
    let planned = fates(plan);
    assert_eq!(planned["moving::counter::Counter"], (7, "moves".to_owned()), "{planned:?}");
    assert!(planned.values().any(|fate| *fate == (1, "finishes".to_owned())), "this connection: {planned:?}");
    let listeners: Vec<_> = plan["listeners"].as_array().expect("listeners").iter().collect();
    assert_eq!(listeners.len(), 2, "{plan}");
    assert_eq!((&listeners[0]["name"], &listeners[0]["change"]), (&"moving".into(), &"kept".into()));
    assert_eq!(listeners[0]["address"], node.address().to_string());
    assert_eq!((&listeners[1]["name"], &listeners[1]["change"]), (&"more".into(), &"added".into()));

    let done = sandbox.cli(["upgrade", "--json", "--drain-wait", "0"]).expect(0);
    assert_eq!(done.json()["to"], plan["to"]);
    assert_eq!(done.json()["pauses"]["count"], 7);
    let taken: Vec<_> = done.json_lines().iter().filter(|line| line["event"] == "step").cloned().collect();
    // Build and stage are this side's; the rest are the node's.
    let taken: Vec<_> = taken.iter().map(|line| line["step"].clone()).filter(|step| *step != "build").collect();
    let steps: Vec<_> = plan["steps"].as_array().expect("steps").iter().map(|step| step["step"].clone()).collect();
    assert_eq!(taken, steps, "the steps that were planned, and no others");
    assert!(node.listener("more").is_some());

    let again = sandbox.cli(["upgrade", "--dry-run"]).expect(0);
    assert!(again.stdout.contains("runs already: nothing to do"), "{}", again.stdout);
}

#[test]
fn a_dry_run_of_what_would_be_refused_says_so_and_changes_nothing() {
    let (sandbox, node, _talk) = fixture();
    edit(&sandbox, "src/counter.rs", "    // A field is added here.\n", "    pub(crate) extra: u64,\n");
    let before = all_files(&node);
    let said = sandbox.cli(["upgrade", "--dry-run"]).expect(REFUSED);
    assert!(said.stdout.contains("refused  states"), "{}", said.stdout);
    assert!(!said.stdout.contains("steps"), "{}", said.stdout);
    let refused = sandbox.cli(["upgrade", "--dry-run", "--json"]).expect(REFUSED).json();
    assert_eq!((&refused["outcome"], &refused["exit_code"]), (&"failed".into(), &REFUSED.into()));
    assert_eq!(refused["plan"]["steps"].as_array().map(Vec::len), Some(1), "the checks alone");
    assert_eq!(all_files(&node), before);
    let real = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert_eq!(real.complaint(), said.complaint(), "the upgrade is refused in the same words");
}

#[test]
fn a_plugin_that_cannot_be_initialised_is_planned_without_its_listeners() {
    let (sandbox, mut node, _talk) = fixture();
    edit(
        &sandbox,
        "src/lib.rs",
        "    Application::new()",
        "    std::process::abort();\n    #[expect(unreachable_code, reason = \"a test's\")]\n    Application::new()",
    );
    let said = sandbox.cli(["upgrade", "--dry-run"]).expect(0);
    assert!(said.stderr.contains("what it listens on is not known"), "{}", said.stderr);
    assert!(node.is_alive(), "it ran elsewhere");
}

#[test]
fn a_plan_that_was_written_is_done_as_it_stands_or_not_at_all() {
    let (sandbox, node, mut talk) = fixture();
    let before = node.version();
    let file = sandbox.beside("plan.json").display().to_string();
    let plan = || sandbox.ask(&["upgrade", "--dry-run", "--out", &file]);
    let refuses = |expected: &str| {
        let said = sandbox.cli(["upgrade", "--drain-wait", "0", &file]).expect(REFUSED);
        let (error, hint) = said.complaint();
        assert!(error.is_some_and(|error| error.contains(expected)) && hint.is_some(), "{}", said.stderr);
    };
    let factor = |from: u32, to: u32| {
        edit(
            &sandbox,
            "src/counter.rs",
            &format!("const FACTOR: u64 = {from};"),
            &format!("const FACTOR: u64 = {to};"),
        );
    };
    talk.expect("swarm 1", "1");
    factor(1, 100);
    let planned = plan();
    assert_eq!(node.version(), before, "a plan changes nothing");
    schema::check_file("PlanFile", &fs::read_to_string(&file).expect("a plan")).expect("as it is published");
    for what in ["upgraded", "nothing to do"] {
        let said = sandbox.cli(["upgrade", "--drain-wait", "0", &file]).expect(0);
        assert_eq!(node.version(), planned["plan"]["to"].as_str().expect("a version"), "{what}: {}", said.stderr);
    }

    factor(100, 200);
    let next = plan();
    factor(200, 300);
    refuses(&format!("the plan goes to {}, and this is ", next["plan"]["to"].as_str().expect("a version")));
    let moved_on = sandbox.upgrade().expect("an upgrade");
    factor(300, 200);
    refuses(&format!("and {moved_on} serves: the node has moved on"));
    assert_eq!(node.version(), moved_on);

    let text = fs::read_to_string(&file).expect("a plan");
    fs::write(&file, text.replace("\"schema\": 1", "\"schema\": 2")).expect("written");
    refuses("was written by a newer version of this tool");
    fs::write(&file, "{}").expect("written");
    refuses("is no plan: ");
    fs::remove_file(&file).expect("removed");
    refuses("cannot be read");
    let _ = sandbox.cli(["upgrade", "--force", &file]).expect(2);
    let _ = sandbox.cli(["upgrade", "--out", &file]).expect(2);
    talk.expect("swarm-report", "0 0 [1]");
}

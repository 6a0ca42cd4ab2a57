//! A node's folder knows what was tried there and what came of it, whether a node runs or not, and hooks are really run.

use serde_json::Value;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;
use system_tests::cli::Said;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::wait;

/// "Refused before anything changed".
const REFUSED: i32 = 14;
/// No hook of these tests takes longer.
const HOOK_TIME_MAX: Duration = Duration::from_secs(60);

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/lib.rs", &format!("{from} from"), &format!("{to} from")).expect("an edit");
}

fn hook(sandbox: &Sandbox, name: &str, script: &str) {
    let folder = sandbox.root().join("hooks");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// Starts the node's permanent release, whatever the workspace holds now.
fn boot(sandbox: &Sandbox) -> Node {
    let start = sandbox.cli(["start", "--listen", "127.0.0.1:0"]).into_command();
    Node::start(start, &sandbox.root()).expect("it boots")
}

fn history(sandbox: &Sandbox) -> Vec<Value> {
    let said = sandbox.cli(["history", "--json"]).expect(0).json();
    said["history"].as_array().expect("entries").clone()
}

/// `outcome` and `step` of the last entry.
fn last(sandbox: &Sandbox) -> (String, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let entries = history(sandbox);
    let entry = entries.first().expect("an entry");
    (text(&entry["outcome"]), text(&entry["step"]))
}

fn states(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    let said = sandbox.cli(["releases", "--json"]).expect(0).json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let releases = said["releases"].as_array().expect("releases").clone();
    let mut states: Vec<_> = releases
        .iter()
        .map(|release| (text(&release["version"]), text(&release["state"]), text(&release["running"])))
        .collect();
    states.sort_by(|a, b| a.1.cmp(&b.1));
    states
}

fn error(said: &Said) -> &str {
    said.complaint().0.unwrap_or_else(|| panic!("no error in {}", said.stderr))
}

#[test]
fn upgrades_stand_in_the_history_with_and_without_a_node() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let mut node = sandbox.run().expect("a node");
    let first = node.version();
    assert!(sandbox.cli(["history"]).expect(0).stderr.contains("no upgrade has ended here yet"));
    edit(&sandbox, "hello", "good day");
    let second = sandbox.upgrade().expect("an upgrade");
    assert_eq!(sandbox.upgrade().expect("nothing to do"), second);

    let entries = history(&sandbox);
    assert_eq!(entries.len(), 1, "what was nothing to do is no entry: {entries:?}");
    let entry = &entries[0];
    assert_eq!(
        (&entry["from"], &entry["to"], &entry["outcome"]),
        (&first.clone().into(), &second.clone().into(), &"done".into())
    );
    assert!(entry["by"]["uid"].is_u64() && entry["took_us"].as_u64() > Some(0), "{entry}");
    assert!(entry["by"]["client"].as_str().is_some_and(|client| client.starts_with("cargo-system ")), "{entry}");
    let running = |state: &str| state.to_owned();
    let old = (first.clone(), running("old"), String::new());
    assert_eq!(states(&sandbox), [old.clone(), (second.clone(), running("permanent"), running("current"))]);

    let _ = sandbox.cli(["stop"]).expect(0);
    node.ended().expect("it stops");
    assert_eq!(history(&sandbox), entries, "the folder alone knows it");
    assert_eq!(states(&sandbox), [old, (second.clone(), running("permanent"), String::new())]);
    let table = sandbox.cli(["releases"]).expect(0).stdout;
    assert!(table.contains(&format!("{second}  permanent")) && table.contains(&format!("{first}  old")), "{table}");
    assert_eq!(boot(&sandbox).version(), second, "what is permanent boots");
}

#[test]
fn a_hook_before_refuses_and_a_hook_after_hears_what_came_of_it() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let first = node.version();
    hook(&sandbox, "before", "echo no backup yet\nexit 3");
    hook(&sandbox, "after", "echo $CARGO_SYSTEM_FROM $CARGO_SYSTEM_TO $CARGO_SYSTEM_OUTCOME >> heard");
    edit(&sandbox, "hello", "good day");
    let said = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(error(&said).ends_with("hooks/before ended with 3; it said: no backup yet"), "{}", said.stderr);
    assert_eq!(node.version(), first, "nothing has changed");
    assert_eq!(last(&sandbox), ("refused".to_owned(), "before".to_owned()));
    let heard = sandbox.root().join("heard");
    assert!(!heard.exists(), "nothing came of it that the hook after could hear");

    hook(&sandbox, "before", "exit 0");
    let second = sandbox.upgrade().expect("the same command works once the hook is content");
    assert_eq!(fs::read_to_string(&heard).expect("it was run"), format!("{first} {second} done\n"));

    hook(&sandbox, "after", "echo nobody listens\nexit 1");
    edit(&sandbox, "good day", "good evening");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(0);
    assert!(said.stderr.contains("warning: the hook ") && said.stderr.contains("nobody listens"), "{}", said.stderr);
    assert_eq!(last(&sandbox), ("done".to_owned(), "commit".to_owned()));
}

#[test]
fn a_hook_out_of_time_refuses() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let manifest = sandbox.package().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    let system = |setting: &str| format!("{text}\n[package.metadata.system]\n{setting}\n");
    fs::write(&manifest, system("hook-timeout = 1")).expect("written");
    hook(&sandbox, "before", "echo waiting\nsleep 1000");
    edit(&sandbox, "hello", "good day");
    let version = node.version();
    let said = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(error(&said).ends_with("did not end within 1s and was killed; it said: waiting"), "{}", said.stderr);
    assert_eq!(node.version(), version);

    fs::write(&manifest, system("hok-timeout = 1")).expect("written");
    let said = sandbox.cli(["upgrade"]).expect(2);
    assert!(error(&said).contains("hok-timeout"), "a word without effect is refused: {}", said.stderr);
}

#[test]
fn a_node_that_dies_in_an_upgrade_boots_in_what_was_permanent_and_says_so() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let first = node.version();
    hook(&sandbox, "before", "echo $$ > hook.pid && mv hook.pid began\nexec sleep 60");
    edit(&sandbox, "hello", "good day");
    let mut client = sandbox.cli(["upgrade"]).into_command().spawn().expect("a client");
    let began = sandbox.root().join("began");
    wait::until("the hook begins", HOOK_TIME_MAX, || began.exists().then_some(())).expect("it begins");
    drop(node);
    // The hook is a process of its own, which the node did not live to end.
    let hook_pid = fs::read_to_string(&began).expect("readable");
    assert!(Command::new("kill").arg(hook_pid.trim()).status().expect("kill").success());
    assert_eq!(client.wait().expect("a child of ours").code(), Some(11), "the client cannot know what came of it");
    let said = sandbox.cli(["history"]).expect(0);
    assert!(said.stderr.contains("the node died while it upgraded to "), "{}", said.stderr);

    let node = boot(&sandbox);
    assert_eq!(node.version(), first);
    node.log_line("a node died here while it upgraded").expect("it says so");
    assert_eq!(last(&sandbox), ("crashed".to_owned(), "before".to_owned()));
    hook(&sandbox, "before", "exit 0");
    assert_ne!(sandbox.upgrade().expect("the same command works again"), first);
    let outcomes: Vec<_> = history(&sandbox).iter().map(|entry| entry["outcome"].clone()).collect();
    assert_eq!(outcomes, ["done", "crashed"]);
}

#[test]
fn old_releases_go_with_their_files() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let manifest = sandbox.package().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    fs::write(&manifest, format!("{text}\n[package.metadata.system]\nkeep-releases = 1\n")).expect("written");
    let node = sandbox.run().expect("a node");
    let mut versions = vec![node.version()];
    for (from, to) in [("hello", "good day"), ("good day", "good evening")] {
        edit(&sandbox, from, to);
        // Nobody runs the one before any more when its last process has gone.
        let _ = sandbox.cli(["upgrade"]).expect(0);
        versions.push(node.version());
    }
    node.log_line("removed releases that are not kept").expect("it says so");
    let left = [
        (versions[1].clone(), "old".to_owned(), String::new()),
        (versions[2].clone(), "permanent".to_owned(), "current".to_owned()),
    ];
    assert_eq!(states(&sandbox), left);
    assert_eq!(fs::read_dir(sandbox.root().join("lib")).expect("readable").count(), 2);
}

/// The clock of the machine was wrong, and has been set back; or it is wrong now.
#[test]
fn a_clock_that_jumps_changes_nothing_but_what_is_said_of_the_time() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let first = node.version();
    edit(&sandbox, "hello", "good day");
    let second = sandbox.upgrade().expect("an upgrade");
    let path = sandbox.root().join("releases/RELEASES");
    for at_ms in [u64::MAX, 4_102_444_800_000, 0] {
        let mut record: Value = serde_json::from_slice(&fs::read(&path).expect("readable")).expect("JSON");
        record["history"].as_array_mut().expect("entries").iter_mut().for_each(|entry| entry["at_ms"] = at_ms.into());
        fs::write(&path, record.to_string()).expect("written");
        // What was put there last is told by the files' times.
        let far = std::time::UNIX_EPOCH + std::time::Duration::from_millis(at_ms.min(4_102_444_800_000));
        let manifest = sandbox.root().join("releases").join(&first).join("manifest.json");
        File::options().write(true).open(manifest).expect("it is there").set_modified(far).expect("set");

        assert!(sandbox.cli(["history"]).expect(0).stdout.contains(&second), "at {at_ms}");
        let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
        assert_eq!(node.version(), first, "at {at_ms}: the one before is the one before");
        assert_eq!(last(&sandbox).0, "done");
        let newest = history(&sandbox)[0].clone();
        assert_eq!(newest["to"], first.as_str(), "at {at_ms}: the last comes first: {newest}");
        let _said = sandbox.cli(["upgrade", "--force", "--drain-wait", "0"]).expect(0);
        assert_eq!(node.version(), second);
    }
}

#[test]
fn a_record_from_the_future_is_refused_and_not_overwritten() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let version = node.version();
    let record = sandbox.root().join("releases/RELEASES");
    let future = r#"{"schema": 99, "permanent": {"greet": "1.0.0"}}"#;
    let now = fs::read(&record).expect("readable");
    fs::write(&record, future).expect("written");
    let expected = "RELEASES has schema 99, which is newer than this tool";
    edit(&sandbox, "hello", "good day");
    for (words, code) in [(&["releases"][..], 1), (&["history"], 1), (&["upgrade"], REFUSED)] {
        let said = sandbox.cli(words.iter().copied()).expect(code);
        assert!(error(&said).ends_with(expected), "{words:?}: {}", said.stderr);
        assert_eq!(fs::read_to_string(&record).expect("readable"), future, "{words:?}");
    }
    assert_eq!(node.version(), version);
    drop(node);
    let said = sandbox.cli(["run", "--listen", "127.0.0.1:0"]).expect(1);
    assert!(error(&said).ends_with(expected), "{}", said.stderr);
    assert_eq!(fs::read_to_string(&record).expect("readable"), future);
    fs::write(&record, now).expect("written");
    assert_eq!(boot(&sandbox).version(), version);
}

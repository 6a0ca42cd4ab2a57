//! `--json`: what is published of it is what the tool prints. The harness holds every line of every test against the schema; here is what no other test
//! prints, and that the schema is strict.

use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use system_tests::cli::Cli;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::schema;
use system_tests::talk::Talk;
use system_tests::workspace;

fn tool(words: &[&str]) -> Cli {
    Cli::new(words).expect("the binary under test builds")
}

#[test]
fn the_schema_in_docs_is_the_one_that_the_tool_prints() {
    let printed: Value = serde_json::from_str(&tool(&["schema"]).expect(0).stdout).expect("JSON");
    let published = fs::read_to_string(schema::file()).expect("docs/schema.json");
    let published: Value = serde_json::from_str(&published).expect("JSON");
    assert!(
        printed == published,
        "docs/schema.json is not what the tool prints; write it anew:\n  cargo run --release -p cargo-system -- schema > docs/schema.json"
    );
    assert!(jsonschema::draft202012::meta::is_valid(&published), "it is a schema");
}

#[test]
fn a_wrong_name_or_type_or_number_is_no_line() {
    let place = tempfile::tempdir().expect("a folder");
    let failed = tool(&["ping", "--json", "--node"]).args([place.path()]).expect(1).json();
    let wrong = |name: &str, value: Value| {
        let mut line = failed.clone();
        line[name] = value;
        let error = schema::check(&format!("{line}\n")).expect_err("it is wrong");
        format!("{error:#}")
    };
    assert!(wrong("messages", json!("twice")).contains("'messages' was unexpected"));
    assert!(wrong("message", json!(["none"])).contains("/message: "));
    assert!(wrong("exit_code", json!(3)).contains("/exit_code: "));
    assert!(wrong("schema", json!(2)).contains("/schema: "));
    assert!(wrong("outcome", json!("danced")).contains("no kind of line has that outcome"));
    let mut without = failed.clone();
    without.as_object_mut().expect("an object").remove("hint");
    let error = schema::check(&format!("{without}\n")).expect_err("it is wrong");
    assert!(format!("{error:#}").contains("\"hint\" is a required property"), "{error:#}");
    assert!(schema::check("{\"schema\":1}\n").is_err() && schema::check("pong\n").is_err());
    assert_eq!(schema::check(&format!("{failed}\n{{\"half a li")).expect("what is whole is right"), Some(1));
}

/// The workspace, its node, and a process that waits for lines.
fn waiting() -> (Sandbox, Node, Talk, String) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let mut talk = Talk::open(node.address());
    talk.expect("swarm 1", "1");
    let listed = sandbox.ask(&["ps", "--filter", "Counter"]);
    let pid = listed["processes"][0]["pid"].as_str().expect("a pid").to_owned();
    (sandbox, node, talk, pid)
}

#[test]
fn each_command_about_a_node_prints_what_is_published() {
    let (sandbox, mut node, _talk, pid) = waiting();
    let outcome = |words: &[&str]| sandbox.ask(words)["outcome"].clone();
    for (words, expected) in [
        (&["ping"][..], "ok"),
        (&["status"], "status"),
        (&["ps", "-n", "1"], "processes"),
        (&["ps", "--all"], "processes"),
        (&["info", &pid], "process"),
        (&["top", "--interval", "0.1"], "top"),
        (&["tree"], "tree"),
        (&["stack", &pid], "stack"),
        (&["trace", &pid, "--for", "100ms"], "traced"),
        (&["metrics"], "metrics"),
        (&["eval", "#{a: [1, ()]}"], "value"),
        (&["log", "level"], "log-levels"),
        (&["releases"], "releases"),
        (&["history"], "history"),
        (&["check"], "checked"),
        (&["upgrade", "--dry-run"], "planned"),
        (&["upgrade"], "upgraded"),
        (&["keys", "list"], "keys"),
        (&["inspect", &sandbox.root().display().to_string()], "whole"),
        (&["kill", &pid], "killed"),
    ] {
        assert_eq!(outcome(words), expected, "{words:?}");
    }
    assert_eq!(sandbox.ask(&["version"])["name"], "moving");
    assert_eq!(sandbox.ask(&["pid"])["os_pid"], node.os_pid());
    assert!(!sandbox.cli(["log", "--json"]).expect(0).json_lines().is_empty());
    let gone = sandbox.cli(["info", &pid, "--json"]).expect(1).json();
    assert_eq!((&gone["outcome"], &gone["exit_code"]), (&"failed".into(), &1.into()));
    let planned = sandbox.cli(["rollback", "--dry-run", "--json"]).expect(14).json();
    assert_eq!(planned["exit_code"], 14);
    assert_eq!(outcome(&["stop"]), "ok");
    node.ended().expect("it ends");
}

/// Names that are no text are shown as well as they can be.
#[test]
fn each_command_about_files_prints_what_is_published() {
    let place = tempfile::tempdir().expect("a folder");
    let here = |words: &[&str]| tool(words).args(["--json"]).in_folder(place.path()).env("CARGO_SYSTEM_NODE", "node");
    let secret = OsStr::from_bytes(b"kl\xfessel.key");
    let made = here(&["keys", "generate"]).args([secret]).expect(0).json();
    assert_eq!((&made["outcome"], &made["secret"]), (&"generated".into(), &"kl\u{fffd}ssel.key".into()));
    let public = place.path().join(OsStr::from_bytes(b"kl\xfessel.pub"));
    fs::rename(public, place.path().join("key.pub")).expect("it is there");
    let trusted = here(&["keys", "trust", "key.pub"]).expect(0).json();
    assert_eq!((&trusted["outcome"], &trusted["id"]), (&"trusted".into(), &made["id"]));
    assert_eq!(here(&["keys", "list"]).expect(0).json()["trusted"][0]["id"], made["id"]);
    assert_eq!(here(&["keys", "revoke", "key.pub"]).expect(0).json()["outcome"], "revoked");
    let sdk = workspace::root().join("plugin-abi").display().to_string();
    let created = here(&["new", "chat", "--path", &sdk]).expect(0).json();
    assert_eq!((&created["outcome"], &created["name"]), (&"created".into(), &"chat".into()));
}

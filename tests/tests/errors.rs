//! What people read when something is wrong: what, why, where, and what next; each with its exit code. Whoever changes one reads it in the snapshot
//! as a person would.

mod page;

use page::Page;
use std::fs;
use std::path::Path;
use system_tests::cli::Cli;
use system_tests::sandbox::Sandbox;
use system_tests::workspace;

/// "Error".
const ERROR: i32 = 1;

#[test]
fn in_a_folder_without_anything() {
    let place = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).expect("a file");
    write("notes.txt", "no release");
    write("newer.json", r#"{"schema":99}"#);
    write("taken.key", "there before");
    fs::create_dir(place.path().join("empty")).expect("a folder");
    fs::create_dir(place.path().join("chat")).expect("a folder");
    let mut page = Page::new(place.path());
    page.section("No workspace, no node");
    page.asks(&["status", "run", "upgrade --release notes.txt", "eval 1", "history", "log level"]);
    page.asks(&["status --node nowhere", "info 1.2 --node nowhere", "log --node nowhere", "releases --node nowhere"]);
    page.asks(&["start", "daemon", "service"]);
    page.section("Releases and plans");
    page.asks(&["inspect nothing", "inspect notes.txt", "inspect empty", "release verify empty --key notes.txt"]);
    page.asks(&["upgrade nothing.json", "upgrade notes.txt", "upgrade newer.json"]);
    page.section("Keys");
    page.asks(&["keys generate release.pub", "keys generate taken.key", "keys generate no/such/folder.key"]);
    page.asks(&["keys trust nothing --node n", "keys trust notes.txt --node n", "keys revoke 0123 --node n"]);
    page.section("New projects");
    page.asks(&["new chat", "new 7up", "new other --path ."]);
    page.section("Other machines");
    page.asks(&["deploy", "deploy --node folder", "run --node ssh://host/srv/app", "check --node ssh://host/srv/app"]);
    page.asks(&["status --node a --node b", "status --node ssh://", "status --node ssh://host"]);
    page.asks(&["upgrade newer.json --node ssh://host/srv/app", "profile --out f.svg --node ssh://host/srv/app"]);
    page.section("Words that are wrong");
    page.asks(&[
        "upgarde",
        "kill",
        "info",
        "run --listen localhost",
        "run --processes-max 0",
        "upgrade --timeout soon",
    ]);
    page.asks(&[
        "upgrade --confirm-within 5",
        "rollback --force",
        "profile --for 1d",
        "trace 1.2 --for -1s",
        "top --sort luck",
    ]);
    insta::assert_snapshot!("nowhere", page.text());
}

/// A package with these lines in its manifest.
fn package(folder: &Path, lines: &str) {
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let name = folder.file_name().expect("a name").to_string_lossy();
    let manifest = format!("[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n{lines}");
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    fs::write(folder.join("src/lib.rs"), "").expect("written");
}

/// A plugin with these settings.
fn plugin(folder: &Path, settings: &str) {
    let sdk = workspace::root().join("plugin-abi");
    let lines = format!(
        "[lib]\ncrate-type = [\"cdylib\"]\n[dependencies]\nplugin-abi = {{ path = {sdk:?} }}\n[package.metadata.system]\n{settings}\n"
    );
    package(folder, &lines);
}

#[test]
fn of_workspaces_that_are_not_as_they_should_be() {
    let place = tempfile::tempdir().expect("a folder");
    let mut page = Page::new(place.path());
    let folder = |name: &str| place.path().join(name);
    page.section("Without a plugin");
    package(place.path().join("tool").as_path(), "");
    page.asks(&["run --manifest-path tool/Cargo.toml", "status --package tool --manifest-path tool/Cargo.toml"]);
    page.section("With several");
    fs::write(folder("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"a\", \"b\"]\nexclude = [\"tool\"]\n")
        .expect("written");
    plugin(&folder("a"), "");
    plugin(&folder("b"), "");
    page.asks(&["run", "check --package c"]);
    page.section("That need each other");
    plugin(&folder("a"), "needs = [\"b\"]");
    plugin(&folder("b"), "needs = [\"a\"]");
    page.asks(&["release"]);
    plugin(&folder("b"), "needs = [\"c\"]");
    page.asks(&["release"]);
    page.section("With settings that are none");
    plugin(&folder("b"), "need = [\"c\"]");
    page.asks(&["check"]);
    plugin(&folder("b"), "needs = 7");
    page.asks(&["check"]);
    insta::assert_snapshot!("workspaces", page.text());
    // What cargo does not read it says itself, and where.
    fs::write(folder("b/Cargo.toml"), "[package\n").expect("written");
    let said = Cli::new(["run"]).expect("the binary under test builds").in_folder(place.path()).expect(ERROR);
    assert!(said.stderr.starts_with("error: the workspace cannot be read: "), "{}", said.stderr);
    assert!(
        said.stderr.contains("b/Cargo.toml")
            && said.stderr.ends_with("\nhint: mend what cargo names, or name a running node with --node\n"),
        "{}",
        said.stderr
    );
}

#[test]
fn of_a_node_that_runs() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let mut page = Page::new(&sandbox.workspace());
    page.at(&node);
    page.section("Processes");
    page.asks(&[
        "info 7",
        "info 1.99999",
        "stack 9.99999",
        "kill 9.99999",
        "trace 9.99999",
        "profile 9.99999",
        "profile --version 9.9.9+00000000",
    ]);
    page.section("Expressions");
    page.asks(&[
        "eval 1+",
        "eval nothing",
        "eval stack(7)",
        "eval 'kill(\"<1.99999>\")'",
        "eval 'loop {}' --timeout 1",
    ]);
    page.section("The log");
    page.asks(&["log level loud", "log --level loud", "log -n many"]);
    page.section("Upgrades");
    page.asks(&["rollback", "rollback 9.9.9+00000000", "confirm", "upgrade --release nothing"]);
    page.asks(&[
        "run --listen 127.0.0.1:0",
        "run --package other",
        "upgrade --target riscv64gc-unknown-linux-gnu",
        "upgrade --sign nothing.key",
    ]);
    insta::assert_snapshot!("running", page.text());
}

//! A release is a folder that runs anywhere, without cargo.

use std::fs;
use std::process::Command;
use system_tests::elsewhere::Elsewhere;
use system_tests::http;
use system_tests::node::Node;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::{EXAMPLE, Sandbox};

#[test]
fn a_copied_release_serves_and_stops_without_cargo() {
    let release = Elsewhere::new();
    let start = release.command(&["start", "--listen", "127.0.0.1:0"]).into_command();
    let mut node = Node::start(start, release.root()).expect("it serves");
    let answer = http::get(node.address(), "/api/sum/100").and_then(|answer| answer.json()).expect("an answer");
    assert_eq!(answer["sum"], "5050");

    let version = node.version();
    assert_eq!(answer["version"], version.as_str());
    assert!(release.expect(&["version"], 0).stdout.contains(&version), "`version` prints what runs");
    assert!(release.expect(&["status"], 0).stdout.contains(&version));
    assert_eq!(release.expect(&["status", "--json"], 0).json()["os_pid"], node.os_pid());
    let _ = release.expect(&["ping"], 0);
    let _ = release.expect(&["stop"], 0);
    node.ended().expect("it stops");
    let _ = release.expect(&["ping"], 1);
}

#[test]
fn a_release_names_what_it_is_made_of() {
    let sandbox = Sandbox::releasable(EXAMPLE).expect("the example builds");
    let release: ReleaseFolder = sandbox.release("made").expect("a release");
    let (_, manifest) = release.manifest().expect("a manifest");
    assert_eq!(manifest["name"], EXAMPLE);
    assert_eq!(manifest["plugins"][0]["name"], EXAMPLE);
    let plugin = fs::metadata(release.plugin().expect("a plugin")).expect("it is there");
    assert!(plugin.len() > 0);
    let runtime = manifest["runtime"]["file"].as_str().expect("a runtime of its own");
    assert!(release.root().join(runtime).exists(), "{runtime}");
    assert!(release.root().join("bin").join(EXAMPLE).exists());
}

#[test]
fn the_same_release_again_is_nothing_to_do() {
    let release = Elsewhere::new();
    let start = release.command(&["start", "--listen", "127.0.0.1:0"]).into_command();
    let node = Node::start(start, release.root()).expect("it serves");
    let version = node.version();
    let folder = release.beside("again");
    assert!(Command::new("cp").arg("-a").arg(release.root()).arg(&folder).status().expect("cp").success());
    let said = release.expect(&["upgrade", "--release", &folder.display().to_string()], 0);
    assert!(said.stdout.contains("nothing to do") || said.stderr.contains("nothing to do"), "{said:?}");
    assert_eq!(node.version(), version);
}

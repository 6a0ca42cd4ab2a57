//! A release says what it is linked of: to scanners, in each plugin's file, and to everybody else in a file of its own. What a node shows of it names no folder
//! of the machine that it was built on.

use auditable_info::{Error, audit_info_from_slice};
use cyclonedx_bom::prelude::{Bom, Validate as _};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::time::Duration;
use system_tests::release::ReleaseFolder;
use system_tests::runaway::Control;
use system_tests::sandbox::Sandbox;
use system_tests::workspace;

/// More than such data has, in bytes.
const DATA_MAX: usize = 8 << 20;

/// Packages as name and version, with what each uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// What cargo says is used by that package at run time, directly or not.
fn by_cargo(sandbox: &Sandbox, root: &str) -> Graph {
    let mut command = Command::new(workspace::cargo());
    command.args(["metadata", "--format-version", "1", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let said = command.current_dir(sandbox.workspace()).output().expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    let packages: BTreeMap<_, _> =
        list(&metadata["packages"]).iter().map(|package| (text(&package["id"]), package)).collect();
    let nodes = list(&metadata["resolve"]["nodes"]).iter().map(|node| (text(&node["id"]), list(&node["deps"])));
    let nodes: BTreeMap<_, _> = nodes.collect();
    let name = |id: &str| format!("{} {}", text(&packages[id]["name"]), text(&packages[id]["version"]));
    let is_macro =
        |id: &str| list(&packages[id]["targets"]).iter().any(|target| target["kind"] == json!(["proc-macro"]));
    let is_used = |dependency: &&Value| {
        let is_normal = list(&dependency["dep_kinds"]).iter().any(|info| info["kind"].is_null());
        is_normal && !is_macro(text(&dependency["pkg"]))
    };
    let mut graph = Graph::new();
    let mut open: Vec<_> = packages.keys().copied().filter(|id| packages[id]["name"] == root).collect();
    while let Some(id) = open.pop() {
        let used: Vec<_> = nodes[id].iter().filter(is_used).map(|dependency| text(&dependency["pkg"])).collect();
        if graph.insert(name(id), used.iter().map(|id| name(id)).collect()).is_none() {
            open.extend(used);
        }
    }
    graph
}

/// What the plugin's file says, as scanners read it.
fn by_its_file(release: &ReleaseFolder) -> Graph {
    let plugin = fs::read(release.plugin().expect("a plugin")).expect("readable");
    let info = audit_info_from_slice(&plugin, DATA_MAX).expect("it says what it is linked of");
    let names: Vec<_> = info.packages.iter().map(|package| format!("{} {}", package.name, package.version)).collect();
    let roots: Vec<_> = info.packages.iter().filter(|package| package.root).map(|root| root.name.as_str()).collect();
    assert_eq!(roots, ["runaway"], "a plugin has one root");
    let used = info.packages.iter().map(|package| package.dependencies.iter().map(|at| names[*at].clone()).collect());
    names.iter().cloned().zip(used).collect()
}

/// What the release's own file says, but for the release itself and its host.
fn by_its_sbom(sbom: &Value) -> Graph {
    let components = list(&sbom["components"]).iter().filter(|component| component["type"] == "library");
    let name = |component: &Value| format!("{} {}", text(&component["name"]), text(&component["version"]));
    let names: BTreeMap<_, _> =
        components.map(|component| (text(&component["bom-ref"]).to_owned(), name(component))).collect();
    let dependencies = list(&sbom["dependencies"]).iter();
    let of = |dependency: &Value| {
        let name = names.get(text(&dependency["ref"]))?;
        let used = list(&dependency["dependsOn"]).iter().map(|used| names[text(used)].clone());
        Some((name.clone(), used.collect()))
    };
    dependencies.filter_map(of).collect()
}

#[test]
fn a_release_says_what_is_linked_into_it() {
    let sandbox = Sandbox::releasable("runaway").expect("the fixture builds");
    let release = sandbox.release("made").expect("a release");
    let expected = by_its_file(&release);
    // cargo knows what could be linked, with any member's features; what is linked is among it.
    let known = by_cargo(&sandbox, "runaway");
    for (name, used) in &expected {
        assert!(
            known.get(name).is_some_and(|known| known.is_superset(used)),
            "{name} uses {used:?}, cargo knows {known:?}"
        );
    }
    assert!(expected.len() > 10 && !expected.keys().any(|name| name.starts_with("plugin-abi-derive")), "{expected:?}");

    let (path, manifest) = release.manifest().expect("a manifest");
    let named = list(&manifest["files"]).iter().map(|file| text(&file["path"]));
    let named = named.filter(|path| path.ends_with(".cdx.json")).collect::<Vec<_>>();
    assert_eq!(named, [format!("releases/{}/sbom.cdx.json", text(&manifest["version"]))], "its hash is signed");
    let sbom: Value =
        serde_json::from_slice(&fs::read(path.with_file_name("sbom.cdx.json")).expect("there")).expect("JSON");
    assert_eq!(by_its_sbom(&sbom), expected);
    let by_the_standard = Bom::parse_json_value(sbom.clone()).expect("CycloneDX").validate();
    assert!(by_the_standard.passed(), "{by_the_standard:?}");
    let lock = fs::read_to_string(sandbox.workspace().join("Cargo.lock")).expect("a lock file");
    for component in list(&sbom["components"]) {
        let (name, purl) = (text(&component["name"]), text(&component["purl"]));
        assert!(purl.starts_with(&format!("pkg:cargo/{name}@{}", text(&component["version"]))), "{component}");
        let is_ours = ["cargo-system", "plugin-abi", "runaway"].contains(&name);
        let hash = component["hashes"][0]["content"].as_str();
        let is_as_locked = hash.is_some_and(|hash| lock.contains(&format!("checksum = \"{hash}\"")));
        assert!(is_ours != is_as_locked, "{component}");
        assert!(is_ours || component["licenses"][0]["expression"].is_string(), "{component}");
    }
    let runaway = list(&sbom["components"]).iter().find(|component| component["name"] == "runaway").expect("there");
    assert_eq!(runaway["hashes"][0]["content"], manifest["plugins"][0]["hash"], "what scanners find is this file");

    let inspected = sandbox.ask(&["inspect", &release.root().display().to_string()]);
    assert_eq!(list(&inspected["dependencies"]).len(), expected.len());
    let shown = sandbox.cli(["inspect"]).args([release.root()]).expect(0).stdout;
    assert!(shown.contains(&format!("linked of {} packages", expected.len())), "{shown}");
}

#[test]
fn a_build_for_an_upgrade_goes_without_and_a_node_takes_either() {
    let sandbox = Sandbox::releasable("runaway").expect("the fixture builds");
    let node = sandbox.run().expect("it serves without");
    let own = ReleaseFolder::new(sandbox.root());
    let plugin = fs::read(own.plugin().expect("a plugin")).expect("readable");
    let error = audit_info_from_slice(&plugin, DATA_MAX).expect_err("nothing about dependencies");
    assert!(matches!(error, Error::NoAuditData), "{error}");
    let inspected = sandbox.cli(["inspect"]).args([sandbox.root()]).expect(0).stdout;
    assert!(inspected.contains("it does not say what is linked into it"), "{inspected}");

    let release = sandbox.release("made").expect("a release");
    let version = sandbox.upgrade_to(&release).expect("it is taken");
    assert_eq!(node.version(), version);
    let there = sandbox.root().join("releases").join(&version).join("sbom.cdx.json");
    let (path, _) = release.manifest().expect("a manifest");
    let shipped = fs::read(path.with_file_name("sbom.cdx.json")).expect("there");
    assert_eq!(fs::read(there).expect("the node has it too"), shipped);
}

#[test]
fn stacks_in_a_release_name_files_from_the_workspace_on() {
    let sandbox = Sandbox::releasable("runaway").expect("the fixture builds");
    let release = sandbox.release("made").expect("a release");
    let node = sandbox.start(&release).expect("it serves");
    let mut control = Control::open(&node);
    let spinner = control.start("spin");
    control.until_it_has_used(Duration::from_millis(5), &spinner);
    let stack = sandbox.cli(["stack", "--json", "--node"]).args([release.root().as_os_str(), spinner.as_ref()]);
    let stack = stack.expect(0).json();
    let frames = list(&stack["stacks"]).iter().flat_map(list);
    // The node's own are its builder's business.
    let files: Vec<_> =
        frames.filter(|frame| !frame["version"].is_null()).filter_map(|frame| frame["file"].as_str()).collect();
    assert!(files.contains(&"runaway/src/kinds.rs"), "{stack:#}");
    for file in files {
        let is_named = ["runaway/", "/cargo/", "/rustc/"].iter().any(|place| file.starts_with(place));
        assert!(is_named, "{file} is a file of one machine: {stack:#}");
    }
    assert_eq!(control.ask(&format!("kill {spinner}")), "killed");
}

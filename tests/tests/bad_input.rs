//! Bad input gets one clear sentence and a documented exit code; nothing half-done is left, and the same command works
//! once the cause is gone.

mod trouble;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use system_tests::cli::{Cli, Said};
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::workspace;
use trouble::{FullDisk, ReadOnly, as_nobody};

/// "Error of ours" in the contract: the command could not do it.
const ERROR: i32 = 1;
/// "Refused before anything changed".
const REFUSED: i32 = 14;

fn greeter() -> Sandbox {
    Sandbox::new("greet").expect("the fixture builds")
}

/// Error and hint, with what differs from run to run replaced, for snapshots.
fn sentence(sandbox: &Sandbox, said: &Said) -> String {
    let (error, hint) = said.complaint();
    let text = format!("{}\n{}", error.unwrap_or("no error"), hint.unwrap_or("no hint"));
    let place = sandbox.beside("").display().to_string();
    text.replace(place.trim_end_matches('/'), "[sandbox]")
}

#[test]
fn a_port_in_use() {
    let sandbox = greeter();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let said = sandbox.cli(["run", "--listen", &address]).expect(ERROR);
    let sentence = sentence(&sandbox, &said).replace(&address, "[address]");
    insta::assert_snapshot!("port_in_use", sentence);
    drop(taken);
    let node = sandbox.run_at(&address).expect("the same command works once the port is free");
    assert_eq!(node.address().to_string(), address);
}

#[test]
fn no_node_running() {
    let sandbox = Sandbox::unbuilt("greet").expect("a workspace");
    for command in ["status", "stop", "ping"] {
        let said = sandbox.cli([command]).expect(ERROR);
        insta::assert_snapshot!("no_node", sentence(&sandbox, &said));
    }
    assert!(!sandbox.root().exists(), "asking makes no folder");
}

#[test]
fn a_second_node_on_the_same_folder() {
    let sandbox = greeter();
    let node = sandbox.run().expect("the first node");
    let said = sandbox.cli(["run", "--listen", "127.0.0.1:0"]).expect(ERROR);
    insta::assert_snapshot!("second_node", sentence(&sandbox, &said));
    assert_eq!(node.status()["os_pid"], node.os_pid(), "the first one serves on");
}

#[test]
fn a_build_error_leaves_the_running_code_alone() {
    let sandbox = greeter();
    let node = sandbox.run().expect("a node");
    let version = node.version();
    sandbox.edit("src/lib.rs", "hello from {}", "hello from {} {}").expect("an edit");
    let said = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(said.stderr.contains("src/lib.rs"), "the compiler's own words are there:\n{}", said.stderr);
    insta::assert_snapshot!("build_error", sentence(&sandbox, &said));
    assert_eq!(node.version(), version);
    sandbox.edit("src/lib.rs", "hello from {} {}", "good day from {}").expect("an edit");
    assert_ne!(sandbox.upgrade().expect("the same command works once it builds"), version);
}

#[test]
fn a_socket_path_that_is_too_long() {
    let sandbox = greeter();
    let long = sandbox.beside(&"long".repeat(30));
    let run = sandbox.cli(["run", "--listen", "127.0.0.1:0"]).env("CARGO_SYSTEM_NODE", &long);
    let said = run.expect(ERROR);
    let sentence = sentence(&sandbox, &said);
    assert!(sentence.contains("107") && sentence.contains("longlong"), "{sentence}");
    assert!(sentence.contains("--node"), "the hint says what next: {sentence}");
}

#[test]
fn no_permission_to_speak_to_a_node() {
    let sandbox = greeter();
    let node = sandbox.run().expect("a node");
    let place = sandbox.beside("");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("a folder of ours");
    let binary = place.join("cargo-system");
    fs::copy(workspace::binary().expect("the binary"), &binary).expect("a copy for everybody");
    let Some(said) = as_nobody(&binary, &["status"], node.root()) else { return };
    assert_eq!(said.code, ERROR, "{}", said.stderr);
    let sentence = sentence(&sandbox, &said);
    assert!(sentence.to_lowercase().contains("permission denied"), "{sentence}");
    assert!(sentence.contains("control.sock") || sentence.contains("[sandbox]/node"), "it says where: {sentence}");
    assert_eq!(mode(&node.root().join("run/control.sock")), 0o600, "nobody else may speak to it");
}

#[test]
fn another_user_who_reaches_the_socket_is_told_why_nothing_is_said() {
    let sandbox = greeter();
    let mut node = sandbox.run().expect("a node");
    let place = sandbox.beside("");
    let open_to_all = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    let run = node.root().join("run");
    [place.as_path(), node.root(), &run].into_iter().for_each(|folder| open_to_all(folder, 0o755));
    open_to_all(&run.join("control.sock"), 0o666);
    let binary = place.join("cargo-system");
    fs::copy(workspace::binary().expect("the binary"), &binary).expect("a copy for everybody");
    for command in [&["status"][..], &["eval", "1"], &["stop"]] {
        let Some(said) = as_nobody(&binary, command, node.root()) else { return };
        assert_eq!(said.code, ERROR, "{}", said.stderr);
        let (error, hint) = said.complaint();
        assert_eq!(error, Some("user 65534 is neither this node's user nor root"), "{command:?}: {}", said.stderr);
        assert_eq!(hint, Some("only the node's own user and root may control it"), "{command:?}");
        assert!(!said.stderr.contains("serving"), "it is told nothing of the node: {}", said.stderr);
    }
    assert!(node.is_alive());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn a_disk_that_is_full_while_releasing() {
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let Some(disk) = FullDisk::mount(&sandbox.beside("disk")) else { return };
    let output = disk.path().join("release").display().to_string();
    let said = sandbox.cli(["release", "--out", &output]).expect(ERROR);
    let sentence = sentence(&sandbox, &said);
    assert!(sentence.contains("No space left on device"), "{sentence}");
    assert_eq!(files(disk.path()), Vec::<String>::new(), "nothing half-done is left");
    disk.grow();
    let _ = sandbox.cli(["release", "--out", &output]).expect(0);
    assert!(Path::new(&output).join("releases/RELEASES").exists());
}

#[test]
fn a_disk_that_is_full_while_upgrading() {
    let sandbox = greeter();
    let Some(disk) = FullDisk::mount_of(&sandbox.root(), "24m") else { return };
    let node = sandbox.run().expect("a node whose folder is on that disk");
    let version = node.version();
    let before = files(&disk.path().join("lib"));
    disk.fill();
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let said = sandbox.cli(["upgrade"]).run().expect("it ends");
    assert!([ERROR, REFUSED].contains(&said.code), "{}: {}", said.code, said.stderr);
    assert!(said.stderr.contains("No space left on device"), "{}", said.stderr);
    assert_eq!(node.version(), version, "the old version serves");
    assert_eq!(files(&disk.path().join("lib")), before, "nothing half-done is left");
    disk.grow();
    assert_ne!(sandbox.upgrade().expect("the same command works once there is room"), version);
    drop(node);
}

#[test]
fn a_disk_that_is_full_when_a_node_boots_that_has_died_in_an_upgrade() {
    let sandbox = greeter();
    let Some(disk) = FullDisk::mount_of(&sandbox.root(), "48m") else { return };
    let mut node = sandbox.run().expect("a node whose folder is on that disk");
    let version = node.version();
    let hook = sandbox.root().join("hooks/before");
    fs::create_dir_all(hook.with_file_name("")).expect("a folder");
    fs::write(&hook, "#!/bin/sh\nkill -9 $PPID\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let _ = sandbox.cli(["upgrade"]).expect(11);
    node.ended().expect("the hook has killed it");
    disk.fill();
    let start = sandbox.cli(["start", "--listen", "127.0.0.1:0"]).into_command();
    let node = Node::start(start, &sandbox.root()).expect("it boots all the same");
    assert_eq!(node.version(), version);
    node.log_line("the history has no word of it").expect("it says so");
    disk.grow();
    fs::remove_file(hook).expect("ours");
    assert_ne!(sandbox.upgrade().expect("the same command works once there is room"), version);
    let history = sandbox.cli(["history"]).expect(0).stdout;
    assert!(history.contains("crashed") && history.contains("done"), "{history}");
}

/// A hook fills it, when all is there that an upgrade needs; and it stays full.
#[test]
fn a_disk_that_is_full_from_an_upgrades_first_step_on() {
    let sandbox = greeter();
    let Some(disk) = FullDisk::mount_of(&sandbox.root(), "64m") else { return };
    let node = sandbox.run().expect("a node whose folder is on that disk");
    let version = node.version();
    let hook = sandbox.root().join("hooks/before");
    fs::create_dir_all(hook.with_file_name("")).expect("a folder");
    fs::write(&hook, "#!/bin/sh\ncat /dev/zero > filler 2> /dev/null\nexit 0\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let said = sandbox.cli(["upgrade"]).expect(REFUSED);
    assert!(said.stderr.contains("No space left on device"), "{}", said.stderr);
    assert_eq!(node.version(), version, "the old version serves");
    let again = sandbox.cli(["upgrade"]).run().expect("it ends");
    assert!([ERROR, REFUSED].contains(&again.code), "{}: {}", again.code, again.stderr);
    assert!(sandbox.cli(["status"]).expect(0).stdout.contains(&version));
    disk.grow();
    fs::remove_file(&hook).expect("ours");
    let next = sandbox.upgrade().expect("the same command works once there is room");

    // On probation: what serves goes back all the same.
    sandbox.edit("src/lib.rs", "good day from", "good night from").expect("an edit");
    let _said = sandbox.cli(["upgrade", "--confirm-within", "10m", "--drain-wait", "0"]).expect(0);
    assert_ne!(node.version(), next);
    disk.shrink();
    let said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    assert_eq!(node.version(), next, "{}", said.stderr);
    drop(node);
    let start = || Node::start(sandbox.cli(["start", "--listen", "127.0.0.1:0"]).into_command(), &sandbox.root());
    assert_eq!(start().expect("it boots on a full disk").version(), next);
    disk.grow();
    let node = start().expect("and with room");
    assert_eq!(node.version(), next);
    sandbox.edit("src/lib.rs", "good night from", "good morning from").expect("an edit");
    sandbox.upgrade().expect("there is room");
}

/// All files under a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

/// What keeps cargo from building: said in its own words, and the node serves on.
fn cargo_fails(sandbox: &Sandbox, node: &Node, upgrade: Cli, words: &str) {
    let version = node.version();
    let said = upgrade.expect(REFUSED);
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert_eq!(said.complaint().0, Some("the build of greet failed"), "{}", said.stderr);
    assert_eq!(node.version(), version);
    assert!(sandbox.cli(["status"]).expect(0).stdout.contains(&version));
}

#[test]
fn a_target_folder_that_cannot_be_written_to() {
    let sandbox = greeter();
    let node = sandbox.run().expect("a node");
    let version = node.version();
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let Some(locked) = ReadOnly::mount(&sandbox.target()) else { return };
    cargo_fails(&sandbox, &node, sandbox.cli(["upgrade"]), "Read-only file system");
    drop(locked);
    assert_ne!(sandbox.upgrade().expect("the same command works once it can be written to"), version);
}

#[test]
fn a_machine_without_a_network() {
    let sandbox = greeter();
    let node = sandbox.run().expect("a node");
    let version = node.version();
    let offline = || sandbox.cli(["upgrade", "--drain-wait", "0"]).env("CARGO_NET_OFFLINE", "true");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let _ = offline().expect(0);
    assert_ne!(node.version(), version, "what is there is enough");
    let lints = "[lints]";
    let unknown = "[dependencies.nobody-has-this-crate]\nversion = \"1\"\n\n[lints]";
    sandbox.edit("Cargo.toml", lints, unknown).expect("an edit");
    cargo_fails(&sandbox, &node, offline(), "nobody-has-this-crate");
    sandbox.edit("Cargo.toml", unknown, lints).expect("an edit");
    assert!(offline().expect(0).stdout.contains("nothing to do"));
}

#[test]
fn wrong_words_are_usage_errors() {
    for words in [&["upgrad"][..], &["run", "--listen", "nowhere"], &["upgrade", "--release"], &[]] {
        let said = Cli::new(words.iter().copied()).expect("the binary").run().expect("it ends");
        assert_eq!(said.code, 2, "{words:?}: {}", said.stderr);
        assert!(said.stderr.contains("sage") || said.stderr.contains("--help"), "{words:?}: {}", said.stderr);
    }
}

/// A node in the foreground ends in order at Ctrl-C.
#[test]
fn an_interrupt_stops_a_node_in_order() {
    let sandbox = greeter();
    let mut node: Node = sandbox.run().expect("a node");
    trouble::interrupt(node.os_pid());
    node.ended().expect("it ends");
    assert!(node.log().contains("stopped"), "{}", node.log());
    let _ = sandbox.cli(["ping"]).expect(ERROR);
}

//! A newcomer's first hour: README's commands, from a clone and nothing else, on a clean machine; then a release on one without cargo.
//!
//! ```text
//! clone ─ cargo system run ─ cargo install ─► new ─ run ─ edit ─ upgrade ─ rollback ─ test ─► release ═ copied ═► start ─ upgrade ─ stop
//! ```

use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use system_tests::cli::{Cli, Said};
use system_tests::http;
use system_tests::newcomer::Newcomer;
use system_tests::node::Node;
use system_tests::websocket::{Frame, WebSocket};

const CLONE: &str = "cargo-system";
const PROJECT: &str = "chat";
/// The tool, the SDK and the example, from nothing.
const BUILD_TIME_MAX: Duration = Duration::from_secs(600);

/// An open page.
struct Page(WebSocket);

impl Page {
    fn open(node: &Node) -> Self {
        Self(WebSocket::open(node.address(), "/chat").expect("a page"))
    }

    fn hear(&mut self) -> Value {
        match self.0.receive().expect("a message") {
            Frame::Text(text) => serde_json::from_str(&text).expect("JSON"),
            closed @ Frame::Close(_) => panic!("{}", closed.short()),
        }
    }

    fn hear_version(&mut self, version: &str) {
        assert_eq!(self.hear(), json!({ "version": version }));
    }

    fn hear_line(&mut self, who: &str, text: &str) {
        assert_eq!(self.hear(), json!({ "who": who, "text": text }));
    }

    fn enter(&mut self, text: &str) {
        self.0.send_text(text).expect("sent");
    }
}

/// The newcomer, and what is typed.
struct Hour(Newcomer);

impl Hour {
    /// This command of README's, in the folder beside the clone.
    fn cli(&self, command: &str, more: &[&str], folder: &str) -> Cli {
        self.0.types(command, more, &self.0.beside(folder)).expect("a command of README's")
    }

    #[track_caller]
    fn in_project(&self, command: &str) -> Said {
        self.cli(command, &[], PROJECT).expect(0)
    }

    fn run(&self, folder: &str, plugin: &str) -> Node {
        let root = self.0.beside(folder).join("target/system").join(plugin);
        let run = self.cli("cargo system run", &[], folder).into_command();
        Node::start_within(BUILD_TIME_MAX, run, &root).expect("it runs")
    }

    /// Replaces what must be there once.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.beside(file);
        let text = fs::read_to_string(&path).expect("a source");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        fs::write(path, text.replacen(from, to, 1)).expect("an edit");
    }

    /// Makes a release in a folder of that name, and returns its archive.
    fn release(&self, name: &str) -> PathBuf {
        let folder = self.0.beside(name).display().to_string();
        let said = self.cli("cargo system release --out", &[&folder, "--json"], PROJECT).expect(0).json();
        PathBuf::from(said["archive"].as_str().expect("an archive"))
    }
}

#[test]
fn a_newcomer_has_a_clone_the_readme_and_no_more() {
    let hour = Hour(Newcomer::new(CLONE).expect("a clone"));
    try_it(&hour);
    write_your_own(&hour);
    release_it(&hour);
}

/// README's "Try it".
fn try_it(hour: &Hour) {
    assert_eq!(hour.0.commands("Try it").expect("commands"), ["cargo system run"]);
    let mut node = hour.run(CLONE, "example-app");
    let sum = || http::get(node.address(), "/api/sum/3").expect("an answer").body;
    let first = sum();
    hour.edit(
        &format!("{CLONE}/example-app/src/sum.rs"),
        "let one: i64 = black_box(1);",
        "let one: i64 = black_box(2);",
    );
    let _ = hour.cli("cargo system upgrade", &[], CLONE).expect(0);
    assert_ne!(sum(), first, "the new code answers");
    let _ = hour.cli("cargo system status", &[], CLONE).expect(0);
    let _ = hour.cli("cargo system stop", &[], CLONE).expect(0);
    assert!(node.ended().expect("it ends").success());
}

/// README's "Write your own".
fn write_your_own(hour: &Hour) {
    let [install, new, run, upgrade, test] = hour.0.commands("Write your own").expect("commands")[..] else {
        panic!("other commands")
    };
    assert_eq!([run, upgrade, test], ["cargo system run", "cargo system upgrade", "cargo test"]);
    let _ = hour.cli(install, &[], CLONE).expect(0);
    let made = hour.cli(new, &[], CLONE).expect(0);
    assert_eq!(made.stdout, "created chat, a chat that one can talk in\n");
    // The crates that this repository is built with: not those of the day.
    let lock = hour.0.beside(CLONE).join("Cargo.lock");
    fs::copy(lock, hour.0.beside(PROJECT).join("Cargo.lock")).expect("a copy");

    let mut node = hour.run(PROJECT, PROJECT);
    let first = node.version();
    let mut page = Page::open(&node);
    page.hear_version(&first);
    page.enter("ann");
    page.enter("hello");
    page.hear_line("ann", "hello");

    hour.edit("chat/src/chat.rs", "\"text\": line.text }", "\"text\": line.text.to_uppercase() }");
    let _ = hour.in_project(upgrade);
    let second = node.version();
    assert_ne!(second, first);
    page.hear_version(&second);
    page.enter("still here");
    page.hear_line("ann", "STILL HERE");
    let mut later = Page::open(&node);
    later.hear_version(&second);
    later.hear_line("ann", "HELLO");
    later.hear_line("ann", "STILL HERE");

    let _ = hour.in_project("cargo system rollback");
    page.hear_version(&first);
    later.hear_version(&first);
    later.enter("bob");
    later.enter("welcome back");
    page.hear_line("bob", "welcome back");
    let _ = hour.in_project("cargo system stop");
    assert!(node.ended().expect("it ends").success());

    let tests = hour.in_project(test);
    assert!(tests.stdout.contains("1 passed"), "{}", tests.stdout);
}

/// README's "Upgrades": a release goes to a machine without cargo, and the next one as an archive.
fn release_it(hour: &Hour) {
    let _archive = hour.release("made");
    hour.edit("chat/src/chat.rs", "line.text.to_uppercase()", "line.text.to_lowercase()");
    let archive = hour.release("next");
    let root = hour.0.beside("elsewhere");
    let copied = Command::new("cp").arg("-a").arg(hour.0.beside("made")).arg(&root).status();
    assert!(copied.expect("cp").success());
    for gone in [CLONE, PROJECT, "made", "next"] {
        fs::remove_dir_all(hour.0.beside(gone)).expect("what it was made of goes");
    }

    let bin = root.join("bin").join(PROJECT);
    let own = |words: &[&str]| hour.0.without_cargo(&bin).args(words);
    let mut node = Node::start(own(&["start", "--listen", "127.0.0.1:0"]).into_command(), &root).expect("it serves");
    let first = node.version();
    let mut page = Page::open(&node);
    page.hear_version(&first);
    page.enter("ann");
    page.enter("Hello");
    page.hear_line("ann", "HELLO");
    let _ = own(&["upgrade", "--release", &archive.display().to_string()]).expect(0);
    let second = node.version();
    assert_ne!(second, first);
    page.hear_version(&second);
    page.enter("Still Here");
    page.hear_line("ann", "still here");
    let _ = own(&["stop"]).expect(0);
    assert!(node.ended().expect("it ends").success());
}

#[test]
fn what_cannot_be_made_is_said_and_leaves_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let new = |arguments: &[&str]| {
        Cli::new(["new"]).expect("the binary under test builds").args(arguments).in_folder(place.path())
    };
    let bad_name = new(&["7up"]).expect(1);
    assert!(bad_name.stderr.contains("7up") && !place.path().join("7up").exists(), "{}", bad_name.stderr);
    let bad_sdk = new(&["chat", "--path", "."]).expect(2);
    let (error, hint) = bad_sdk.complaint();
    assert_eq!(error, Some(". is not the folder of plugin-abi"));
    assert!(hint.is_some() && !place.path().join("chat").exists());
    fs::create_dir(place.path().join("chat")).expect("a folder");
    let there = new(&["chat"]).expect(1);
    assert!(there.stderr.contains("already exists"), "{}", there.stderr);
    assert_eq!(fs::read_dir(place.path().join("chat")).expect("a folder").count(), 0, "it stays as it was");
}

//! A newcomer's first hour: `cargo system new`, `run`, an edit, `upgrade`, `rollback`, the project's own tests; then a release on a machine
//! without cargo.

use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use system_tests::cli::Cli;
use system_tests::node::Node;
use system_tests::place::Place;
use system_tests::sandbox::Sandbox;
use system_tests::websocket::{Frame, WebSocket};
use system_tests::workspace;

/// A folder with a space and an umlaut in it, as people have them.
const FOLDER: &str = "meine Öfen";

/// A new project, in a folder of its own.
struct Newcomer {
    place: Place,
}

impl Newcomer {
    fn new() -> Self {
        // What a project of the same crates has been built of already need not be built again.
        let seeded = Sandbox::new("sessions").expect("the fixture builds");
        let newcomer = Self { place: seeded.into_place() };
        fs::create_dir(newcomer.place.root().join(FOLDER)).expect("a folder");
        newcomer
    }

    fn project(&self) -> PathBuf {
        self.place.root().join(FOLDER).join("chat")
    }

    fn node(&self) -> PathBuf {
        self.place.root().join("node")
    }

    fn surround(&self, cli: Cli, folder: &Path) -> Cli {
        let cli = cli.in_folder(folder).env("CARGO_TARGET_DIR", self.place.target());
        cli.env("CARGO_SYSTEM_NODE", self.node())
    }

    fn cli(&self, arguments: &[&str]) -> Cli {
        self.surround(Cli::new(arguments).expect("the binary under test builds"), &self.project())
    }
}

impl Newcomer {
    /// `cargo system new chat`, with the crates that this repository is built with.
    fn begin() -> Self {
        let newcomer = Self::new();
        let sdk = workspace::root().join("plugin-abi").display().to_string();
        let made = Cli::new(["new", "chat", "--path", &sdk]).expect("the binary under test builds");
        let made = newcomer.surround(made, &newcomer.place.root().join(FOLDER)).expect(0);
        assert_eq!(made.stdout, "created chat, a chat that one can talk in\n");
        fs::copy(workspace::root().join("Cargo.lock"), newcomer.project().join("Cargo.lock")).expect("a copy");
        newcomer
    }

    /// Replaces what must be there once.
    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.project().join(file);
        let text = fs::read_to_string(&path).expect("a source");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {file}");
        fs::write(path, text.replacen(from, to, 1)).expect("an edit");
    }
}

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

#[test]
fn a_newcomer_runs_upgrades_rolls_back_and_tests_a_project_of_his_own() {
    let newcomer = Newcomer::begin();
    let run = newcomer.cli(&["run", "--listen", "127.0.0.1:0"]).into_command();
    let node = Node::start(run, &newcomer.node()).expect("it runs");
    let first = node.version();
    let mut page = Page::open(&node);
    page.hear_version(&first);
    page.enter("ann");
    page.enter("hello");
    page.hear_line("ann", "hello");

    newcomer.edit("src/chat.rs", "\"text\": line.text }", "\"text\": line.text.to_uppercase() }");
    let _ = newcomer.cli(&["upgrade"]).expect(0);
    let second = node.version();
    assert_ne!(second, first);
    page.hear_version(&second);
    page.enter("still here");
    page.hear_line("ann", "STILL HERE");
    let mut later = Page::open(&node);
    later.hear_version(&second);
    later.hear_line("ann", "HELLO");
    later.hear_line("ann", "STILL HERE");

    let _ = newcomer.cli(&["rollback"]).expect(0);
    page.hear_version(&first);
    later.hear_version(&first);
    later.enter("bob");
    later.enter("welcome back");
    page.hear_line("bob", "welcome back");
    let _ = newcomer.cli(&["stop"]).expect(0);

    let tests = newcomer.surround(Cli::of(&workspace::cargo()).args(["test"]), &newcomer.project()).expect(0);
    assert!(tests.stdout.contains("1 passed"), "{}", tests.stdout);
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

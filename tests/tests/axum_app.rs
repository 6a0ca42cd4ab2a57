//! An axum application becomes a plugin by the steps of the book's chapter, as they stand there: its patches are applied, its files written, its
//! commands run.
//!
//! ```text
//! axum-app ─ its own tests, its own main ─► "A few lines" ─► plugin ─ upgrade ─► "What outlives an upgrade" ─ upgrade, upgrade, rollback ─►
//! ```

use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use system_tests::cli::Cli;
use system_tests::http::{Connection, Response, request};
use system_tests::sandbox::Sandbox;
use system_tests::{tied, wait, workspace};

const LIMIT: Duration = Duration::from_secs(30);
const FIXTURE: &str = "axum-app";
/// What the chapter writes for the folder of the SDK.
const SDK: &str = "\"…\"";

/// What a section of the chapter has a reader do.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Apply this patch.
    Patch(String),
    /// Write this text into that file.
    File { path: String, text: String },
    /// Remove these files.
    Remove(Vec<String>),
}

/// The steps of the chapter's section with that heading.
fn steps(chapter: &str, heading: &str) -> Vec<Step> {
    let section = chapter.split("\n## ").find_map(|section| section.strip_prefix(heading)).expect("such a section");
    let (mut steps, mut lines, mut before) = (Vec::new(), section.lines(), "");
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            before = if line.is_empty() { before } else { line };
            continue;
        };
        let text: String = lines.by_ref().take_while(|line| *line != "```").flat_map(|line| [line, "\n"]).collect();
        let file = before.strip_prefix('`').and_then(|file| file.strip_suffix("`:"));
        let removed = text.strip_prefix("rm ").map(|files| files.split_whitespace().map(str::to_owned).collect());
        steps.extend(match (language, file, removed) {
            ("diff", ..) => Some(Step::Patch(text)),
            ("rust", Some(path), _) => Some(Step::File { path: path.to_owned(), text }),
            ("sh", _, Some(files)) => Some(Step::Remove(files)),
            _ => None,
        });
        before = "";
    }
    steps
}

fn take(sandbox: &Sandbox, step: &Step) {
    let package = sandbox.package();
    match step {
        Step::Patch(patch) => {
            let sdk = format!("{:?}", workspace::root().join("plugin-abi").display().to_string());
            let file = sandbox.beside("step.patch");
            fs::write(&file, patch.replace(SDK, &sdk)).expect("a patch");
            let git = sandbox.surround(Cli::of("git".as_ref())).in_folder(&package);
            let _said = git.args(["apply"]).args([file]).expect(0);
        }
        Step::File { path, text } => fs::write(package.join(path), text).expect("a file of the package"),
        Step::Remove(files) => {
            files.iter().for_each(|file| fs::remove_file(package.join(file)).expect("a file of the package"));
        }
    }
}

/// The application on its own, as `cargo run` starts it; it ends with the test.
struct Plain {
    child: Child,
    address: SocketAddr,
    _output: BufReader<ChildStdout>,
}

impl Plain {
    fn start(sandbox: &Sandbox) -> Self {
        let arguments = ["--package", FIXTURE, "--bin", FIXTURE];
        let target = sandbox.target().display().to_string();
        let files = workspace::build(&sandbox.workspace(), &arguments, &[("CARGO_TARGET_DIR", &target)]);
        let program = files.expect("it builds").into_iter().find(|file| file.ends_with(FIXTURE)).expect("a program");
        let mut command = Command::new(program);
        let mut child = tied::to_us(command.arg("127.0.0.1:0")).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on ").and_then(|address| address.parse().ok());
        Self { child, address: address.unwrap_or_else(|| panic!("{line:?}")), _output: output }
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It may have ended already.
        let _: std::io::Result<()> = self.child.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.child.wait();
    }
}

/// Somebody who asks, on one connection for as long as it is kept open: where the last answer says that it closes, the next is asked for on another.
struct Client {
    address: SocketAddr,
    connection: Connection,
}

impl Client {
    fn open(address: SocketAddr) -> Self {
        Self { address, connection: Connection::open(address).expect("somebody listens") }
    }

    fn about(&mut self) -> String {
        self.ask("/");
        String::from_utf8(self.response().body).expect("text")
    }

    /// Until it is told this: a request that comes just after the switch may find the version before, which answers it, and lets go of the connection.
    fn is_told(&mut self, about: &str) {
        let told = wait::until("the other version answers", LIMIT, || (self.about() == about).then_some(()));
        told.unwrap_or_else(|error| panic!("{error:#}: {about:?}"));
    }

    /// The status, and what was answered if it is JSON.
    fn add(&mut self, text: &str) -> (u16, Value) {
        let body = json!({ "text": text }).to_string();
        let head = "POST /notes HTTP/1.1\r\nhost: notes\r\ncontent-type: application/json\r\ncontent-length:";
        self.send(&format!("{head} {}\r\n\r\n{body}", body.len()));
        self.answer()
    }

    fn get(&mut self, path: &str) -> (u16, Value) {
        self.ask(path);
        self.answer()
    }

    fn ask(&mut self, path: &str) {
        self.send(&request(path));
    }

    fn send(&mut self, request: &str) {
        self.connection.send(request.as_bytes()).expect("an open connection");
    }

    fn answer(&mut self) -> (u16, Value) {
        let response = self.response();
        (response.status, serde_json::from_slice(&response.body).unwrap_or_default())
    }

    fn response(&mut self) -> Response {
        let response = self.connection.response().expect("an answer");
        if response.closes() {
            *self = Self::open(self.address);
        }
        response
    }

    /// Two notes, by number, one of them later by tokio's clock.
    fn keeps_notes(&mut self) {
        assert_eq!(self.add("milk"), (201, json!({ "number": 0 })));
        assert_eq!(self.add("bread"), (201, json!({ "number": 1 })));
        assert_eq!(self.get("/notes/1"), (200, json!({ "text": "bread" })));
        assert_eq!(self.get("/notes/0/in/20"), (200, json!({ "text": "milk" })));
        assert_eq!(self.get("/notes/2"), (404, Value::Null));
    }
}

const ABOUT: &str = "\"notes, by number\"";

/// Changes what it says of itself.
fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/lib.rs", from, to).expect("an edit");
}

#[test]
fn an_axum_application_becomes_a_plugin_by_the_books_steps() {
    let chapter = fs::read_to_string(workspace::root().join("docs/book/src/axum.md")).expect("the chapter");
    let sandbox = Sandbox::unbuilt_with_dependencies(FIXTURE).expect("the fixture");

    let plain = Plain::start(&sandbox);
    Client::open(plain.address).keeps_notes();
    drop(plain);

    let few_lines = steps(&chapter, "A few lines");
    assert_eq!(few_lines.len(), 2, "{few_lines:?}");
    few_lines.iter().for_each(|step| take(&sandbox, step));
    // Its own tests, and its own main, go on as before.
    let cargo = || sandbox.surround(Cli::of(&workspace::cargo())).args(["test", "--package", FIXTURE]);
    let said = cargo().expect(0);
    assert!(said.stdout.contains("test tests::a_note_is_kept_under_its_number ... ok"), "{}", said.stdout);
    Client::open(Plain::start(&sandbox).address).keeps_notes();

    let node = sandbox.run().expect("the plugin runs");
    sandbox.keep_dependencies().expect("kept");
    let mut client = Client::open(node.address());
    client.keeps_notes();
    assert_eq!(client.about(), "notes, by number");

    // One who is being answered, by tokio's timer, is answered by the version that has accepted it; then its connection is the next one's.
    let mut waiting = Client::open(node.address());
    waiting.ask("/notes/0/in/3000");
    edit(&sandbox, ABOUT, "\"notes, by their numbers\"");
    sandbox.upgrade().expect("an upgrade");
    client.is_told("notes, by their numbers");
    assert_eq!(waiting.answer(), (200, json!({ "text": "milk" })));
    waiting.is_told("notes, by their numbers");
    assert_eq!(client.get("/notes/0"), (404, Value::Null), "a router's state is its version's");

    let kept = steps(&chapter, "What outlives an upgrade");
    assert_eq!(kept.len(), 3, "{kept:?}");
    kept.iter().for_each(|step| take(&sandbox, step));
    sandbox.upgrade().expect("an upgrade");
    let there = wait::until("the tree has started", LIMIT, || (client.get("/notes/0").0 != 503).then_some(()));
    there.expect("its server starts");
    client.keeps_notes();

    edit(&sandbox, "\"notes, by their numbers\"", "\"notes that stay\"");
    sandbox.upgrade().expect("an upgrade");
    client.is_told("notes that stay");
    assert_eq!(client.get("/notes/1"), (200, json!({ "text": "bread" })));
    assert_eq!(client.add("tea"), (201, json!({ "number": 2 })));
    let _said = sandbox.cli(["rollback"]).expect(0);
    client.is_told("notes, by their numbers");
    assert_eq!(client.get("/notes/2"), (200, json!({ "text": "tea" })));
}

#[test]
fn steps_are_found_in_their_order() {
    let chapter = "# A\n\n## One\n\n```diff\n-a\n```\n\n`src/b.rs`:\n\n```rust\nb\n```\n\n```rust\nc\n```\n\n## Two\n```sh\nrm d e\n```\n";
    let file = Step::File { path: "src/b.rs".into(), text: "b\n".into() };
    assert_eq!(steps(chapter, "One"), [Step::Patch("-a\n".into()), file]);
    assert_eq!(steps(chapter, "Two"), [Step::Remove(vec!["d".into(), "e".into()])]);
}

//! A wrong plugin is refused in one sentence, with exit code 14, and the node serves on as if nobody had asked.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use system_tests::cli::Said;
use system_tests::elf;
use system_tests::node::Node;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// A running `greet` and its sandbox.
struct Greeter {
    sandbox: Sandbox,
    node: Node,
    version: String,
}

impl Greeter {
    fn new() -> Self {
        let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
        let node = sandbox.run().expect("the fixture runs");
        let version = node.version();
        Self { sandbox, node, version }
    }

    fn release(&self) -> ReleaseFolder {
        self.sandbox.release("wrong").expect("a release")
    }

    /// Upgrades to a release with these bytes as its plugin, which must be refused; returns the sentence.
    fn refuses(&mut self, release: &ReleaseFolder, bytes: &[u8]) -> String {
        release.replace_plugin(bytes).expect("another plugin");
        let folder = release.root().display().to_string();
        let said = self.sandbox.cli(["upgrade", "--release", &folder]).expect(REFUSED);
        self.serves_on();
        one_sentence(&said)
    }

    /// The node is alive, on the same version, and answers.
    fn serves_on(&mut self) {
        assert!(self.node.is_alive(), "the node lives");
        assert_eq!(self.node.version(), self.version, "the same version serves");
        assert_eq!(greeting(&self.node), format!("hello from {}\n", self.version));
        let versions = self.node.status()["versions"].as_array().map_or(0, Vec::len);
        assert_eq!(versions, 1, "no other version is left");
    }
}

fn greeting(node: &Node) -> String {
    let mut text = String::new();
    let mut stream = TcpStream::connect(node.address()).expect("connected");
    stream.read_to_string(&mut text).expect("a greeting");
    text
}

fn one_sentence(said: &Said) -> String {
    let (error, _) = said.complaint();
    let error = error.unwrap_or_else(|| panic!("no error line in:\n{}", said.stderr));
    let errors = said.stderr.lines().filter(|line| line.trim_start().starts_with("error: ")).count();
    assert_eq!(errors, 1, "one sentence:\n{}", said.stderr);
    assert!(!error.ends_with('.'), "{error}");
    error.to_owned()
}

#[track_caller]
fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
    }
}

#[test]
fn a_plugin_of_another_abi_is_refused() {
    let mut greeter = Greeter::new();
    let release = greeter.release();
    let plugin = fs::read(release.plugin().expect("a plugin")).expect("readable");
    for (major, minor) in [(2, 0), (0, 9), (1, 99)] {
        let bytes = elf::with_abi(&plugin, major, minor).expect("a declaration");
        let sentence = greeter.refuses(&release, &bytes);
        assert_says(&sentence, &["ABI", &format!("{major}.{minor}")]);
    }
}

#[test]
fn a_plugin_for_another_machine_is_refused() {
    let mut greeter = Greeter::new();
    let release = greeter.release();
    let plugin = fs::read(release.plugin().expect("a plugin")).expect("readable");
    let sentence = greeter.refuses(&release, &elf::for_another_machine(&plugin));
    assert_says(&sentence, &["Riscv", std::env::consts::ARCH]);
}

#[test]
fn a_truncated_plugin_is_refused_wherever_it_is_cut() {
    let mut greeter = Greeter::new();
    let release = greeter.release();
    let plugin = fs::read(release.plugin().expect("a plugin")).expect("readable");
    for len in [0, 1, 63, 64, 4_096, plugin.len() / 4, plugin.len() / 2, plugin.len() - 1] {
        let sentence = greeter.refuses(&release, &plugin[..len]);
        assert_says(&sentence, &["cut short"]);
    }
}

#[test]
fn what_is_no_plugin_is_refused() {
    let mut greeter = Greeter::new();
    let release = greeter.release();
    let sentence = greeter.refuses(&release, b"#!/bin/sh\necho no plugin\n");
    assert_says(&sentence, &["not a shared object"]);
    let executable = fs::read(std::env::current_exe().expect("this test")).expect("readable");
    let sentence = greeter.refuses(&release, &executable);
    assert_says(&sentence, &["cannot be loaded"]);
}

#[test]
fn a_plugin_whose_bytes_are_not_the_manifests_is_refused() {
    let mut greeter = Greeter::new();
    let release = greeter.release();
    let path = release.plugin().expect("a plugin");
    let mut bytes = fs::read(&path).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("written");
    let folder = release.root().display().to_string();
    let said = greeter.sandbox.cli(["upgrade", "--release", &folder]).expect(REFUSED);
    assert_says(&one_sentence(&said), &["is not the file that", "manifest"]);
    greeter.serves_on();
}

#[test]
fn a_library_without_a_declaration_is_refused() {
    let mut greeter = Greeter::new();
    greeter.sandbox.edit("src/lib.rs", "plugin_abi::application!(app);", "").expect("an edit");
    greeter.sandbox.edit("src/lib.rs", "fn app()", "pub fn app()").expect("an edit");
    let said = greeter.sandbox.cli(["upgrade"]).expect(REFUSED);
    assert_says(&one_sentence(&said), &["declares no plugin"]);
    greeter.serves_on();
}

#[test]
fn a_plugin_that_aborts_on_panic_is_refused() {
    let mut greeter = Greeter::new();
    let said = greeter.sandbox.cli(["upgrade"]).env("RUSTFLAGS", "-Cpanic=abort -Copt-level=0").expect(REFUSED);
    assert_says(&one_sentence(&said), &["panic = \"abort\""]);
    greeter.serves_on();
}

#[test]
fn a_workspace_that_aborts_on_panic_is_built_to_unwind() {
    let greeter = Greeter::new();
    let manifest = greeter.sandbox.workspace().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).expect("readable");
    let profile = text.replace("[profile.release]", "[profile.release]\npanic = \"abort\"");
    assert_ne!(text, profile, "the workspace has a release profile");
    fs::write(&manifest, profile).expect("written");
    greeter.sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let version = greeter.sandbox.upgrade().expect("an upgrade");
    assert_eq!(greeting(&greeter.node), format!("good day from {version}\n"));
}

#[test]
fn a_plugin_whose_start_panics_is_refused() {
    let mut greeter = Greeter::new();
    greeter.sandbox.edit("src/lib.rs", "    Application::new()", "    panic!(\"no start today\")").expect("an edit");
    greeter.sandbox.edit("src/lib.rs", ".listen(\"greet\", \"127.0.0.1:4002\", greet)", "").expect("an edit");
    let said = greeter.sandbox.cli(["upgrade"]).expect(REFUSED);
    assert_says(&one_sentence(&said), &["no start today"]);
    greeter.serves_on();
}

/// What runs before the first process has nothing around it but the node.
#[test]
fn an_initialisation_that_ends_its_os_process_does_not_end_the_node() {
    const DOWN: &str = "    fn down(n: u64) -> u64 { if n == 0 { 0 } else { std::hint::black_box(down(std::hint::black_box(n - 1))) + 1 } }
    std::hint::black_box(down(std::hint::black_box(u64::MAX)));";
    const EAT: &str = "    let mut all: Vec<Vec<u8>> = Vec::new();
    while std::hint::black_box(true) { all.push(vec![1; 1 << 22]) }";
    let mut greeter = Greeter::new();
    let mut before = String::new();
    for (code, says) in [
        ("    std::process::abort();", "was ended by signal 6"),
        (DOWN, "has overflowed its stack"),
        (EAT, "memory allocation of 4194304 bytes failed"),
    ] {
        let body = format!("{code}\n    Application::new()");
        let now = if before.is_empty() { "    Application::new()" } else { &before };
        greeter.sandbox.edit("src/lib.rs", now, &body).expect("an edit");
        let said = greeter.sandbox.cli(["upgrade"]).expect(REFUSED);
        assert_says(&one_sentence(&said), &["greet: ", says]);
        assert!(said.stderr.contains("step: prepare"), "{}", said.stderr);
        greeter.serves_on();
        before = body;
    }
}

/// What kept it from starting may be gone.
#[test]
fn an_initialisation_that_failed_once_is_tried_again() {
    let greeter = Greeter::new();
    let begun = greeter.sandbox.beside("begun");
    // It is tried, then done: in an OS process of its own, then in the node. The second time fails, and so does the third.
    let code = format!(
        "    let begun = std::path::Path::new({begun:?});
    let count = std::fs::read(begun).map_or(0, |bytes| bytes.len()) + 1;
    let _ = std::fs::write(begun, vec![b'.'; count]);
    assert!(count != 2 && count != 3, \"not at time {{count}}\");
    Application::new()"
    );
    greeter.sandbox.edit("src/lib.rs", "    Application::new()", &code).expect("an edit");
    for time in [2, 3] {
        let said = greeter.sandbox.cli(["upgrade"]).expect(REFUSED);
        assert_says(&one_sentence(&said), &[&format!("not at time {time}")]);
        assert_eq!(greeter.node.version(), greeter.version);
    }
    let version = greeter.sandbox.upgrade().expect("the same upgrade, again");
    assert_eq!(std::fs::read(&begun).expect("it has begun").len(), 5);
    assert_eq!(greeting(&greeter.node), format!("hello from {version}\n"));
}

//! Each application that the book and README show is built, upgraded to in a running node, and serves what it listens for. (`cargo test --doc` compiles
//! the other examples, too, on the book's own package.)

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use system_tests::http;
use system_tests::sandbox::Sandbox;
use system_tests::websocket::WebSocket;
use system_tests::workspace;

const FIXTURE: &str = "shown";
/// What makes a block an application.
const APPLICATION: &str = "application!(";
/// An answer comes within this time.
const LIMIT: Duration = Duration::from_secs(30);

/// A block of code, and which chapter it is of.
struct Shown {
    chapter: String,
    language: String,
    text: String,
}

fn blocks(chapter: &str, markdown: &str) -> Vec<Shown> {
    let (mut blocks, mut open) = (Vec::new(), None::<Shown>);
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(words))) => {
                let language = words.split(',').next().unwrap_or_default().to_owned();
                open = Some(Shown { chapter: chapter.to_owned(), language, text: String::new() });
            }
            Event::Text(text) => open.iter_mut().for_each(|block| block.text.push_str(&text)),
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

/// All that is shown.
fn shown() -> Vec<Shown> {
    let folder = workspace::root().join("docs/book/src");
    let chapters = fs::read_dir(folder).expect("the book").map(|entry| entry.expect("a chapter").path());
    let mut files: Vec<_> = chapters.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    files.sort();
    files.insert(0, workspace::root().join("README.md"));
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        blocks(&name, &fs::read_to_string(path).expect("readable"))
    };
    files.iter().flat_map(read).collect()
}

/// Others' tests have the ports that are shown.
fn on_free_ports(code: &str) -> String {
    let mut parts = code.split("127.0.0.1:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |code, part| code + "127.0.0.1:0" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// What a listener gives whoever comes.
fn answers(name: &str, address: SocketAddr, code: &str) {
    if name == "http" {
        let path = code.split_once(".route(\"").and_then(|(_, behind)| behind.split('"').next()).expect("a route");
        if code.contains("WebSocketUpgrade") {
            let mut page = WebSocket::open(address, path).expect("a page");
            return page.send_text("hello").expect("it is open");
        }
        assert_eq!(http::get(address, path).expect("an answer").status, 200);
        return;
    }
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("a greeting");
    assert!(!said.is_empty(), "{name} says nothing");
}

#[test]
fn each_application_that_is_shown_serves() {
    let shown = shown();
    let settings = |chapter: &str| {
        let is_it =
            |block: &&Shown| block.chapter == chapter && block.language == "toml" && block.text.contains("limit = ");
        shown.iter().find(is_it).map(|block| block.text.as_str())
    };
    let sandbox = Sandbox::new(FIXTURE).expect("the fixture builds");
    // What the chapter on supervision imports.
    fs::write(sandbox.workspace().join("import.txt"), "").expect("written");
    let node = sandbox.run().expect("the fixture runs");
    let (mut count, mut before) = (0, node.version());
    for Shown { chapter, text, .. } in
        shown.iter().filter(|block| block.language == "rust" && block.text.contains(APPLICATION))
    {
        fs::write(sandbox.package().join("src/lib.rs"), on_free_ports(text)).expect("written");
        if text.contains("config: ") {
            let settings = settings(chapter).expect("the chapter shows its configuration");
            fs::write(sandbox.package().join("config.toml"), settings).expect("written");
        }
        let version = sandbox.upgrade().unwrap_or_else(|error| panic!("{chapter}: {error:#}\n{text}"));
        assert_eq!(node.version(), version, "{chapter}");
        assert_ne!(version, before, "{chapter}");
        before = version;
        let listeners = node.status()["listeners"].clone();
        for listener in listeners.as_array().expect("listeners") {
            let address = listener["address"].as_str().and_then(|address| address.parse().ok()).expect("an address");
            answers(listener["name"].as_str().expect("a name"), address, text);
        }
        count += 1;
    }
    assert!(count > 8, "only {count} applications were found");
    assert!(!node.log().contains(" ERROR "), "{}", node.log());
}

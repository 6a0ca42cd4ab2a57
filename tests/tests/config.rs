//! Configuration belongs to the release: a version reads and checks its own before it serves, and hears what is different from the one before.

use std::fs;
use std::net::TcpListener;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

/// "Refused before anything changed".
const REFUSED: i32 = 14;

/// Says its configuration to who connects, and in the log what has changed.
const PROGRAM: &str = "//! Says its configuration to who connects.
#![forbid(unsafe_code)]

use plugin_abi::net::TcpStream;
use plugin_abi::{Application, ConfigChange, config};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

plugin_abi::application!(app, config: \"config.toml\");

#[derive(Debug, serde::Deserialize)]
struct Config {
    limit: u32,
    #[serde(default)]
    place: Place,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Place {
    town: String,
    street: String,
}

fn app() -> Application {
    Application::new()
        .config(|config: &Config| match config.limit {
            0 => Err(\"limit is 0\".to_owned()),
            13 => panic!(\"nobody thought of that\"),
            99 => loop { std::thread::park() },
            _ => Ok(()),
        })
        .config_change(|ConfigChange { changed, new, removed, .. }| async move {
            let Config { limit, .. } = *config::<Config>();
            tracing::info!(\"heard of changed {changed:?} new {new:?} removed {removed:?} at limit {limit}\");
        })
        .listen(\"greet\", \"127.0.0.1:4002\", greet)
}

async fn greet(stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|len| len > 0) {
        let Config { limit, place: Place { town, street } } = &*config::<Config>();
        let said = if line == \"?\\n\" { format!(\"{limit} {town} {street}\\n\") } else { \"what?\\n\".to_owned() };
        line.clear();
        if stream.write_all(said.as_bytes()).await.is_err() {
            return;
        }
    }
}
";
const CONFIG: &str = "limit = 1\n\n[place]\ntown = \"Ulm\"\nstreet = \"B\"\n";

fn fixture() -> (Sandbox, Node) {
    fixture_of(PROGRAM)
}

fn fixture_of(program: &str) -> (Sandbox, Node) {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    fs::write(sandbox.package().join("src/lib.rs"), program).expect("written");
    let crates = "serde = { workspace = true }\ntracing = { workspace = true }\n\n[lints]";
    sandbox.edit("Cargo.toml", "[lints]", crates).expect("an edit");
    configure(&sandbox, CONFIG);
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

fn configure(sandbox: &Sandbox, text: &str) {
    fs::write(sandbox.package().join("config.toml"), text).expect("written");
}

fn of_node(sandbox: &Sandbox, text: &str) {
    fs::write(sandbox.root().join("config.toml"), text).expect("written");
}

#[test]
fn each_version_has_its_own_configuration_and_hears_what_is_different() {
    let (sandbox, node) = fixture();
    let mut old = Talk::open(node.address());
    old.expect("?", "1 Ulm B");
    // Another configuration is another build.
    configure(&sandbox, "limit = 2\nextra = [1]\n\n[place]\ntown = \"Ulm\"\nstreet = \"B\"\n");
    of_node(&sandbox, "[place]\nstreet = \"C\"\n");
    sandbox.upgrade().expect("an upgrade");
    let heard = r#"heard of changed ["limit", "place"] new ["extra"] removed [] at limit 2"#;
    node.log_line(heard).expect("the new version hears it");
    let mut new = Talk::open(node.address());
    new.expect("?", "2 Ulm C");
    old.expect("?", "1 Ulm B");

    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    let back = r#"heard of changed ["limit"] new [] removed ["extra"] at limit 1"#;
    node.log_line(back).expect("so does the old one, of what the node's owner says by now");
    Talk::open(node.address()).expect("?", "1 Ulm C");
}

#[test]
fn a_configuration_that_is_bad_refuses_the_upgrade_and_nothing_has_changed() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    for (text, says) in [
        ("limit = 0\n", "its configuration is refused: limit is 0"),
        ("limit = 13\n", "its configuration is refused: nobody thought of that"),
        ("[place]\n", "its configuration is refused: missing field `limit`"),
        ("limit = \"many\"\n", "limit: invalid type: string \"many\", expected u32"),
        ("limit = = 1\n", "config.toml of the release is wrong: line 1: "),
    ] {
        configure(&sandbox, text);
        let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(REFUSED);
        assert!(said.stderr.contains(says), "{text}: {}", said.stderr);
        assert_eq!(node.version(), before);
        talk.expect("?", "1 Ulm B");
    }
    configure(&sandbox, "limit = 3\n");
    of_node(&sandbox, "limit = 7\nlimit = 8\n");
    for words in [&["upgrade", "--dry-run"][..], &["upgrade", "--drain-wait", "0"]] {
        let said = sandbox.cli(words.iter().copied()).expect(REFUSED);
        assert!(said.stderr.contains("config.toml in the node's folder is wrong: line 2: "), "{}", said.stderr);
    }
    of_node(&sandbox, "limit = 7\n");
    sandbox.upgrade().expect("mended");
    Talk::open(node.address()).expect("?", "7");
    // What is wrong at a boot is said, and not booted.
    drop(node);
    of_node(&sandbox, "limit = 0\n");
    let said = sandbox.cli(["start", "--listen", "127.0.0.1:0"]).expect(1);
    assert!(said.stderr.contains("its configuration is refused: limit is 0"), "{}", said.stderr);
}

#[test]
fn a_check_that_does_not_come_back_refuses_the_upgrade() {
    let (sandbox, node) = fixture();
    let before = node.version();
    let mut talk = Talk::open(node.address());
    configure(&sandbox, "limit = 99\n");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(REFUSED);
    assert!(said.stderr.contains("its initialisation has not come back within 30s"), "{}", said.stderr);
    assert_eq!(node.version(), before);
    talk.expect("?", "1 Ulm B");
    configure(&sandbox, "limit = 3\n");
    sandbox.upgrade().expect("mended");
    Talk::open(node.address()).expect("?", "3");
}

#[test]
fn a_version_that_goes_back_after_it_was_in_effect_has_the_old_one_hear_of_it() {
    let (sandbox, node) = fixture();
    configure(&sandbox, "limit = 9\n");
    let _said = sandbox.cli(["upgrade", "--drain-wait", "0", "--confirm-within", "2s"]).expect(0);
    node.log_line(r#"heard of changed ["limit"] new [] removed ["place"] at limit 9"#).expect("there");
    node.log_line(r#"heard of changed ["limit"] new ["place"] removed [] at limit 1"#).expect("and back");
    Talk::open(node.address()).expect("?", "1 Ulm B");
    let history = sandbox.cli(["history"]).expect(0).stdout;
    assert!(history.contains("rolled back"), "{history}");
    let again = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(REFUSED);
    assert!(again.stderr.contains("quarantine"), "{}", again.stderr);
}

/// It has checked its configuration by then.
#[test]
fn a_roll_back_that_is_refused_changes_nothing_for_who_was_left_behind() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
    let own = ".listen(\"greet\", \"127.0.0.1:4002\", greet)";
    let with_side = PROGRAM.replace(own, &format!("{own}.listen(\"side\", \"{address}\", greet)"));
    let (sandbox, node) = fixture_of(&with_side);
    let mut old = Talk::open(node.listener("greet").expect("it listens"));
    old.expect("?", "1 Ulm B");
    fs::write(sandbox.package().join("src/lib.rs"), PROGRAM).expect("written");
    let version = sandbox.upgrade().expect("an upgrade");
    of_node(&sandbox, "limit = 5\n");
    let taken = TcpListener::bind(address).expect("nobody listens there any more");
    let said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(REFUSED);
    assert!(said.stderr.contains(&address.to_string()), "{}", said.stderr);
    assert_eq!(node.version(), version);
    old.expect("?", "1 Ulm B");
    drop(taken);
    let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
    old.expect("?", "5 Ulm B");
}

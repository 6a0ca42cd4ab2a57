//! The log of a running node: what processes say, with who and where; what is kept, followed, held back, and changed while it runs.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use system_tests::cli::{Cli, Said};
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

const ERROR: i32 = 1;
const USAGE: i32 = 2;
const LIMIT: Duration = Duration::from_secs(30);

fn fixture(options: &[&str]) -> (Sandbox, Node, Talk) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let words = [&["run", "--listen", "127.0.0.1:0"], options].concat();
    let node = Node::start(sandbox.cli(words).into_command(), &sandbox.root()).expect("the fixture runs");
    let talk = Talk::open(node.address());
    (sandbox, node, talk)
}

fn events(sandbox: &Sandbox, words: &[&str]) -> Vec<Value> {
    sandbox.cli([&["log", "--json"], words].concat()).expect(0).json_lines()
}

/// The events of that target, once there are so many.
fn until(sandbox: &Sandbox, target: &str, count: usize) -> Vec<Value> {
    let there = || {
        let events: Vec<_> =
            events(sandbox, &["-n", "10000"]).into_iter().filter(|event| event["target"] == target).collect();
        (events.len() >= count).then_some(events)
    };
    wait::until("events are logged", LIMIT, there).expect("they are")
}

/// A command that goes on, and the lines it says.
struct Following(Child, BufReader<std::process::ChildStdout>);

impl Following {
    fn of(cli: Cli) -> Self {
        let mut child = cli.into_command().stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self(child, lines)
    }

    /// The next line with that text.
    fn line(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.1.read_line(&mut line).expect("a line") > 0 {
            if line.contains(text) {
                return line;
            }
            line.clear();
        }
        panic!("it ended before it said {text:?}");
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        // It may have ended.
        let _: std::io::Result<()> = self.0.kill();
        let _: std::io::Result<std::process::ExitStatus> = self.0.wait();
    }
}

#[test]
fn an_event_says_who_and_where_and_a_flood_is_counted() {
    let (sandbox, node, mut talk) = fixture(&[]);
    talk.expect("log info one", "logged");
    let info = &until(&sandbox, "moving", 1)[0];
    assert_eq!((info["level"].as_str(), info["message"].as_str()), (Some("info"), Some("one")), "{info}");
    assert_eq!(info["fields"]["number"], 7, "{info}");
    assert_eq!(info["version"], node.version().as_str());
    assert!(info["pid"].as_str().is_some_and(|pid| pid.starts_with('<')), "{info}");
    assert!(info["process_type"].as_str().is_some_and(|name| name.contains("moving")), "{info}");
    assert!(info["file"].as_str().is_some_and(|file| file.ends_with("lib.rs")) && info["line"].is_u64(), "{info}");

    talk.expect("flood 5000", "flooded");
    let said = || {
        let said = until(&sandbox, "moving", 2);
        let (repeated, single): (Vec<_>, Vec<_>) = said[1..].iter().partition(|event| event["repeated"].is_u64());
        let all = single.len() as u64 + repeated.iter().filter_map(|event| event["repeated"].as_u64()).sum::<u64>();
        (all == 5000).then_some((single.len(), repeated.len()))
    };
    let (single, repeated) = wait::until("all are counted", LIMIT, said).expect("they are");
    assert!((1..500).contains(&single) && repeated >= 1, "{single} said, {repeated} times counted");
    assert!(node.log().contains(" times)"), "for people, too");
}

#[test]
fn what_is_logged_changes_while_the_node_runs_and_in_the_next_version_too() {
    let (sandbox, node, mut talk) = fixture(&["--log", "warn"]);
    let level = |words: &[&str]| sandbox.cli([&["log", "level"], words].concat()).expect(0).stdout;
    assert_eq!(level(&[]), "warn\n");
    talk.expect("log info before", "logged");
    talk.expect("log debug before", "logged");
    assert_eq!(level(&["moving=debug"]), "warn\nmoving=debug\n");
    talk.expect("log debug between", "logged");
    talk.expect("log trace between", "logged");
    sandbox
        .edit("src/lib.rs", "/// A process that lives", "/// Another build.\n\n/// A process that lives")
        .expect("an edit");
    let after = sandbox.upgrade().expect("an upgrade");
    let mut new = Talk::open(node.address());
    new.expect("log debug after", "logged");
    assert_eq!(level(&["moving=", "off"]), "off\n");
    new.expect("log error never", "logged");
    assert_eq!(level(&["moving::none=info", "info"]), "info\nmoving::none=info\n");
    new.expect("log info last", "logged");
    let said = until(&sandbox, "moving", 3);
    let messages: Vec<_> = said.iter().map(|event| event["message"].as_str().unwrap_or_default()).collect();
    assert_eq!(messages, ["between", "after", "last"]);
    assert_eq!(said[1]["version"], after.as_str());

    for (words, says) in [("loud", "\"loud\" is not off, error"), ("a b=info", "is no module")] {
        let refused = sandbox.cli(["log", "level", words]).expect(ERROR);
        assert!(refused.stderr.contains(says) && refused.complaint().1.is_some(), "{}", refused.stderr);
    }
    let _: Said = sandbox.cli(["log", "level", "moving=debug", "loud"]).expect(ERROR);
    let json = sandbox.cli(["log", "level", "--json"]).expect(0).json();
    assert_eq!(json["levels"], "info,moving::none=info", "refused, nothing has changed");
}

#[test]
fn a_log_is_shown_from_its_end_by_level_and_followed_until_the_node_ends() {
    let (sandbox, mut node, mut talk) = fixture(&["--log-format", "json"]);
    for n in 1..=5 {
        talk.expect(&format!("log info i{n}"), "logged");
    }
    talk.expect("log warn w", "logged");
    let _: Vec<Value> = until(&sandbox, "moving", 6);
    let last = sandbox.cli(["log", "-n", "2"]).expect(0).stdout;
    assert!(last.lines().count() == 2 && last.contains("moving: i5 {") && last.contains("WARN"), "{last}");
    assert_eq!(events(&sandbox, &["-n", "0"]), Vec::<Value>::new());
    let warned = events(&sandbox, &["--level", "warn"]);
    assert!(warned.iter().all(|event| event["level"] == "warn") && warned.len() == 1, "{warned:?}");
    assert!(!node.log().contains(" INFO "), "all of it is JSON: {}", node.log());
    assert!(node.log().contains("\"message\":\"w\""), "{}", node.log());

    let mut following = Following::of(sandbox.cli(["log", "-f", "-n", "1", "--level", "warn"]));
    assert!(following.line("WARN").contains("moving: w"));
    talk.expect("log info unheard", "logged");
    talk.expect("log error heard", "logged");
    assert!(following.line("").contains("ERROR"), "nothing between");
    let _: Said = sandbox.cli(["stop"]).expect(0);
    node.ended().expect("it ends");
    assert!(following.0.wait().expect("it ends with the node").success());

    let _: Said = sandbox.cli(["log", "--level", "loud"]).expect(USAGE);
    let gone = sandbox.cli(["log"]).expect(ERROR);
    assert!(gone.stderr.contains("no node runs in"), "{}", gone.stderr);
    let refused = sandbox.cli(["run", "--log", "loud"]).expect(ERROR);
    assert!(refused.stderr.contains("\"loud\" is not off"), "{}", refused.stderr);
}

#[test]
fn files_are_read_after_the_nodes_death_and_a_full_disk_stops_nobody() {
    let (sandbox, node, mut talk) = fixture(&["--log-files", "2"]);
    talk.expect("log warn kept", "logged");
    let _: Vec<Value> = until(&sandbox, "moving", 1);
    let file = sandbox.root().join("log/node.log");
    let text = std::fs::read_to_string(&file).expect("a file");
    assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && text.contains("kept"), "{text}");
    // It is killed.
    drop(node);
    let mut half = text.clone();
    half.push_str("{\"time\":\"");
    std::fs::write(&file, half).expect("written");
    let last = sandbox.cli(["log", "-n", "5", "--level", "warn"]).expect(0);
    assert!(last.stdout.contains("WARN") && last.stdout.lines().count() == 1, "{}", last.stdout);
    assert!(last.stderr.contains("this is what its files hold"), "{}", last.stderr);

    std::fs::remove_file(&file).expect("it goes");
    std::os::unix::fs::symlink(Path::new("/dev/full"), &file).expect("a link");
    let words = ["run", "--listen", "127.0.0.1:0", "--log-files", "2"];
    let node = Node::start(sandbox.cli(words).into_command(), &sandbox.root()).expect("it runs");
    let mut talk = Talk::open(node.address());
    talk.expect("log warn lost", "logged");
    assert_eq!(until(&sandbox, "moving", 1)[0]["message"], "lost", "who asks the node hears of it");
    let metrics = sandbox.cli(["metrics"]).expect(0).stdout;
    let unwritten = metrics.lines().find(|line| line.contains("log_events_total{fate=\"unwritten\"}"));
    assert!(unwritten.is_some_and(|line| !line.ends_with(" 0")), "{metrics}");
    std::fs::remove_file(&file).expect("there is room");
    talk.expect("log warn again", "logged");
    let there = || std::fs::read_to_string(&file).ok().filter(|text| text.contains("could not be written here"));
    let text = wait::until("the file has what is missing", LIMIT, there).expect("it has");
    assert!(text.contains("again") && text.contains("No space left"), "{text}");
}

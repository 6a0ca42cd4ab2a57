//! Supervisors, servers and tasks in a real node: scenes that the fixture `supervised` plays.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;

/// No scene takes longer.
const SCENE_TIME_MAX: Duration = Duration::from_secs(300);

/// Has a node play a scene, and returns what happened.
fn play(node: &Node, scene: &str) -> String {
    let mut stream = TcpStream::connect(node.address()).expect("connected");
    stream.set_read_timeout(Some(SCENE_TIME_MAX)).expect("set");
    stream.write_all(format!("{scene}\n").as_bytes()).expect("written");
    let mut said = String::new();
    BufReader::new(stream).read_line(&mut said).expect("an answer");
    said.trim_end().to_owned()
}

fn expect(node: &Node, scene: &str, happened: &str) {
    assert_eq!(play(node, scene), happened, "{scene}");
}

#[test]
fn supervisors_do_as_otps_do() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let mut node = sandbox.run().expect("the fixture runs");
    expect(&node, "one_for_one", "-b +b | -c -b -a | shutdown");
    expect(&node, "one_for_all", "-b -c -a +a +b +c | -c -b -a | shutdown");
    expect(&node, "rest_for_one", "-b -c +b +c | -c -b -a | shutdown");
    expect(&node, "restarts", "Permanent a:true b:true | Transient a:false b:true | Temporary");
    expect(&node, "intensity", "-b +b | -b +b | -b -c -a | shutdown");
    expect(&node, "shutdown", "!c -c -b -a | shutdown | in time: true");
    let children = "Err(true) | Err(Running) | Ok(()) | Err(AlreadyPresent) | true | Err(Running) | Ok(()) | Ok(()) | \
                    Err(NotFound) | true | 1 1 0 1 | Err(Send(Dead(..)))";
    expect(&node, "children", children);
    expect(&node, "nested", "-x -y +x +y | a() inner(x y) | -y -x -a | shutdown");
    let start_failure = "child \"bad\": its start failed: error: no +a +b -b -a";
    let said = play(&node, "start_failure");
    assert!(said.starts_with(start_failure), "{said}");
    assert!(said.contains("child \"worse\": its start failed: panic: in a start function at "), "{said}");
    assert!(said.ends_with("child \"a\": two children are named \"a\""), "{said}");
    expect(&node, "restart_failure", "6 starts | shutdown | +a -a");
    expect(&node, "unlinked_child", "unlinked Ok(()) shutdown");
    assert!(node.is_alive());
    let kill_root = play(&node, "kill_root");
    assert_eq!(kill_root, "third ended", "its tree goes with it");
    assert_eq!(node.status()["versions"][0]["root"]["state"], "ended");
    node.log_line("too many restarts: giving up").expect("why a supervisor gave up");
    node.log_line("a child did not stop in its time and is killed").expect("who did not stop");
}

#[test]
fn servers_and_tasks_do_as_otps_and_elixirs_do() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let said = play(&node, "init");
    assert!(said.starts_with("its start failed: error: init says no | its start failed: panic: in init at "), "{said}");
    assert!(said.ends_with(" | no signal: true |"), "{said}");
    let server = "continue timeout | Ok(8) | Ok(Ok(4)) | Err(NoReply) | down(killed) exit(error: signal) word | \
                  Ok(()) terminate(normal) | Ok(()) true | Err(NoReply) | \
                  error: told to continue terminate(error: told to) | Err(NoReply) | true continue";
    expect(&node, "server", server);
    let terminate = "terminate(shutdown) | shutdown | child \"bad\": its start failed: error: init says no | \
                     child \"late\": it was not ready in 1 s begins killed";
    expect(&node, "terminate", terminate);
    let tasks = "Ok(42) | true | Err(Killed) | Err(Error(\"enough\")) | Ok(Err(Killed)) | Err(Elapsed) | Ok(\"slow\") | dropped | true | true | true | 4950";
    expect(&node, "tasks", tasks);
}

#[test]
fn an_applications_tree_stops_before_the_next_versions_starts_and_with_the_node() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let mut node = sandbox.run().expect("the fixture runs");
    let before = node.version();
    expect(&node, "tree", "first() second() inner(third)");
    sandbox.edit("src/tree.rs", "starts\"", "starts anew\"").expect("edited");
    let after = sandbox.upgrade().expect("upgraded");
    assert_ne!(before, after);
    node.log_line("third starts anew").expect("the new tree starts");
    let versions = node.status()["versions"].clone();
    assert_eq!(versions[0]["root"]["state"], "running", "{versions}");
    assert_eq!(versions[0]["root"]["children"], 3, "{versions}");
    expect(&node, "tree", "first() second() inner(third)");
    let said = |node: &Node, what: &str| node.log().lines().filter(|line| line.contains(what)).map(event).collect();
    let ends = ["third ends: shutdown", "second ends: shutdown", "first ends: shutdown"];
    let moved: Vec<String> = said(&node, "supervised::tree");
    let starts = ["first starts", "second starts", "third starts"].map(|start| format!("{before} {start}"));
    let begun =
        ["first starts anew", "second starts anew", "third starts anew"].map(|start| format!("{after} {start}"));
    let ended = ends.map(|end| format!("{before} {end}"));
    assert_eq!(moved, [starts, ended, begun].concat());

    let _: system_tests::cli::Said = sandbox.cli(["stop"]).expect(0);
    node.ended().expect("the node ends");
    let stopped: Vec<String> = said(&node, "supervised::tree");
    assert_eq!(stopped[9..], ends.map(|end| format!("{after} {end}")));
}

#[test]
fn a_node_ends_when_the_tree_that_it_boots_does_not_start() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let starts = "        tracing::info!(\"{name} starts\");";
    let refuses = "        if name == \"third\" { return Err(ExitReason::Error(\"no third\".to_owned())); }";
    sandbox.edit("src/tree.rs", starts, &format!("{starts}\n{refuses}")).expect("edited");
    let said = sandbox.cli(["run", "--listen", "127.0.0.1:0"]).expect(1);
    let error =
        "error: the application did not start: child \"inner\": child \"third\": its start failed: error: no third";
    assert!(said.stderr.contains(error), "{}", said.stderr);
    assert!(said.stderr.contains("hint: "), "{}", said.stderr);
}

/// Version and message of a line of the log.
fn event(line: &str) -> String {
    let words: Vec<_> = line.split(' ').skip_while(|word| !word.starts_with('<')).skip(1).collect();
    let (version, message) = (words[0], words[2..].join(" "));
    format!("{version} {}", message.split(" at ").next().unwrap_or_default())
}

#[test]
fn very_many_children_and_links_cost_no_more_each_than_few() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    // The million runs as `cargo test --release --test supervision -- --ignored`.
    many(&node, 20_000, 200_000);
}

#[test]
#[ignore = "takes a gigabyte and half a minute"]
fn a_million_processes_linked_to_one_all_die_with_it() {
    let sandbox = Sandbox::new("supervised").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    many(&node, 200_000, 1_000_000);
}

fn many(node: &Node, children: u64, links: u64) {
    let dynamic = play(node, &format!("dynamic {children}"));
    assert!(dynamic.starts_with(&format!("{children} shutdown left=0 ")), "{dynamic}");
    let linked = play(node, &format!("links {links}"));
    assert!(linked.starts_with(&format!("{links} spawned_ms=")), "{linked}");
    let memory = node.status()["memory_bytes"].as_u64().unwrap_or_default() >> 20;
    #[expect(clippy::print_stdout, reason = "figures, for who asks for them by --nocapture")]
    {
        println!("{dynamic}\n{linked} memory_mib={memory}");
    }
}

//! `cargo system watch`: what is saved is built and upgraded in, and what does not build leaves the running code alone.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

/// A build and an upgrade, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);
const FILE: &str = "src/counter.rs";
const FIELD: &str = "    // A field is added here.\n";

fn watched() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = Node::start(sandbox.cli(["watch", "--listen", "127.0.0.1:0"]).into_command(), &sandbox.root());
    let node = node.expect("the fixture runs");
    until_it_says(&node, "watching ");
    (sandbox, node)
}

/// Waits until another version serves.
fn upgraded_from(node: &Node, before: &str) -> String {
    wait::until("another version serves", LIMIT, || Some(node.version()).filter(|version| version != before))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", node.log()))
}

fn until_it_says(node: &Node, text: &str) {
    wait::until(text, LIMIT, || Some(()).filter(|()| node.log().contains(text)))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", node.log()));
}

/// The OS process that watches for that node.
fn watcher(node: &Node) -> Pid {
    let children = format!("/proc/{0}/task/{0}/children", node.os_pid());
    let children = fs::read_to_string(children).expect("the system tells");
    let mut pids = children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
    pids.find(|pid| command_line(*pid).contains("--beside")).expect("a child that watches")
}

fn command_line(pid: Pid) -> String {
    fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default()
}

fn until_it_is_gone(pid: Pid) {
    // Nobody may have waited for it yet: then it has no command line any more.
    wait::until("it ends", LIMIT, || Some(()).filter(|()| command_line(pid).is_empty())).expect("it ends");
}

#[test]
fn a_save_is_upgraded_in_and_a_bad_one_is_said() {
    let (sandbox, node) = watched();
    let first = node.version();
    let mut talk = Talk::open(node.address());
    assert!(talk.ask("start a").starts_with('<'));
    talk.expect("add a 5", "5");

    sandbox.edit(FILE, FIELD, "    #[serde(default)]\n    pub(crate) extra: u64,\n").expect("an edit");
    let second = upgraded_from(&node, &first);
    talk.expect("add a 1", "6");

    sandbox.edit(FILE, "pub(crate) extra: u64", "pub(crate) extra: Nothing").expect("an edit");
    until_it_says(&node, "the build of moving failed");
    assert_eq!(node.version(), second, "the running code goes on");
    talk.expect("add a 0", "6");
    sandbox.edit(FILE, "pub(crate) extra: Nothing", "pub(crate) other: u64").expect("an edit");
    let third = upgraded_from(&node, &second);
    talk.expect("add a 1", "7");

    // A state that nothing converts: it says so, and the code that runs goes on.
    sandbox
        .edit(FILE, "    #[serde(default)]\n    pub(crate) other: u64", "    pub(crate) demanded: u64")
        .expect("an edit");
    until_it_says(&node, "the state \"Counter\" changed");
    assert_eq!(node.version(), third);
    talk.expect("add a 1", "8");
}

#[test]
fn whoever_watches_ends_with_the_node_however_it_ends() {
    let (_sandbox, mut node) = watched();
    let pid = watcher(&node);
    let own = Pid::from_raw(i32::try_from(node.os_pid()).expect("a pid")).expect("a pid");
    kill_process(own, Signal::INT).expect("told");
    let status = node.ended().expect("it stops");
    assert!(status.success(), "{status}: {}", node.log());
    until_it_is_gone(pid);

    let (_sandbox, mut node) = watched();
    let pid = watcher(&node);
    let own = Pid::from_raw(i32::try_from(node.os_pid()).expect("a pid")).expect("a pid");
    kill_process(own, Signal::KILL).expect("killed");
    assert!(!node.ended().expect("it ends").success());
    until_it_is_gone(pid);
}

#[test]
fn a_node_that_runs_already_is_watched_for() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let first = node.version();
    let log = sandbox.beside("watch.log");
    let output = fs::File::create(&log).expect("a file");
    let mut command = sandbox.cli(["watch"]).into_command();
    let mut child = command.stdout(output.try_clone().expect("a file")).stderr(output).spawn().expect("it starts");
    wait::until("it watches", LIMIT, || Some(()).filter(|()| read(&log).contains("watching "))).expect("it watches");
    sandbox.edit(FILE, FIELD, "    #[serde(default)]\n    pub(crate) extra: u64,\n").expect("an edit");
    upgraded_from(&node, &first);
    drop(node);
    let status = wait::until("it ends with the node", LIMIT, || child.try_wait().transpose()).expect("it ends");
    assert!(status.expect("its status").success(), "{}", read(&log));
}

fn read(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

//! The control socket stands what a broken client sends, and several clients at once.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::raw::{Raw, threads, until_no_thread_is_left};
use system_tests::runaway::{self, Control, LIMIT};
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;
use system_tests::wait;

/// Another upgrade is in progress.
const LOCKED: i32 = 13;

/// Sends bytes and returns the last line of the answer, if one comes.
fn say(node: &Node, bytes: &[u8]) -> Option<Value> {
    let mut stream = UnixStream::connect(node.root().join("run/control.sock")).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    // The node may have heard enough before all is written.
    let _: std::io::Result<()> = stream.write_all(bytes).and_then(|()| stream.shutdown(std::net::Shutdown::Write));
    let line = BufReader::new(stream).lines().map_while(Result::ok).last()?;
    Some(serde_json::from_str(&line).expect("the answer is JSON"))
}

#[test]
fn what_is_no_request_is_refused_and_the_node_goes_on() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let mut node = sandbox.run().expect("a node");
    let version = node.version();
    let long = vec![b'x'; 1 << 20];
    let wrong: [&[u8]; 9] = [
        b"",
        b"\n",
        b"\xff\xfe\n",
        b"not json\n",
        b"{}\n",
        b"{\"schema\":1,\"command\":\"sing\"}\n",
        b"{\"schema\":999,\"command\":\"ping\"}\n",
        b"{\"schema\":1,\"command\":\"upgrade\",\"release\":\"../../../etc\",\"follow_drain_ms\":0}\n",
        &long,
    ];
    for bytes in wrong {
        let answer = say(&node, bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
        if let Some(answer) = &answer {
            assert_eq!(answer["reply"], "failed", "{shown}: {answer}");
            assert!(!answer["message"].as_str().unwrap_or_default().is_empty(), "{shown}: {answer}");
        }
        assert!(node.is_alive(), "{shown}");
    }
    assert_eq!(
        say(&node, b"{\"schema\":1,\"command\":\"ping\",\"unknown\":true}\n").expect("an answer")["reply"],
        "done"
    );
    assert_eq!(node.version(), version);
}

#[test]
fn half_a_request_keeps_a_place_for_so_long_and_no_longer() {
    let (_sandbox, node) = runaway::node();
    let mut silent = Raw::open(&node);
    assert!(silent.say("{\"schema\":1"));
    let mut slow = Raw::open(&node);
    // A byte now and then is no reason to wait on.
    let hung_up = wait::until("it is hung up on", LIMIT, || (!slow.say(" ")).then_some(()));
    hung_up.expect("a request has a deadline as a whole");
    let answer = silent.hear().expect("an answer");
    assert!(answer["message"].as_str().expect("a message").contains("cannot be read"), "{answer}");
    until_no_thread_is_left(&node);
}

#[test]
fn clients_that_do_not_read_are_given_up() {
    let (_sandbox, node) = runaway::node();
    let mut control = Control::open(&node);
    control.ask("many 3000 nap");
    let chatter = control.start("chatter");
    let trace =
        format!("{{\"schema\":1,\"command\":\"trace\",\"pid\":\"{chatter}\",\"time_ms\":600000,\"count\":1000000}}");
    let deaf = ["{\"schema\":1,\"command\":\"processes\"}", &trace].map(|request| Raw::asking(&node, request));
    wait::until("they are served", LIMIT, || (threads(&node) >= deaf.len()).then_some(())).expect("they are");
    until_no_thread_is_left(&node);
}

#[test]
fn a_follower_of_the_log_that_does_not_read_is_given_up() {
    let sandbox = Sandbox::new("moving").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    let mut talk = Talk::open(node.address());
    let deaf = Raw::asking(&node, "{\"schema\":1,\"command\":\"log\",\"count\":0,\"follow\":true}");
    wait::until("it follows", LIMIT, || (threads(&node) > 0).then_some(())).expect("it does");
    let long = "x".repeat(500);
    wait::until("it is given up", LIMIT, || {
        talk.expect(&format!("log info {long}"), "logged");
        (threads(&node) == 0).then_some(())
    })
    .expect("nobody reads that");
    drop(deaf);
}

#[test]
fn upgrades_at_once_attach_or_wait_their_turn() {
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let first = sandbox.release("first").expect("a release");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let second = sandbox.release("second").expect("another release");
    let node = sandbox.run().expect("a node");
    let version = |release: &system_tests::release::ReleaseFolder| {
        release.manifest().expect("a manifest").1["version"].as_str().expect("a version").to_owned()
    };
    let versions = [version(&first), version(&second)];
    for round in 0..5 {
        let codes: Vec<i32> = std::thread::scope(|scope| {
            let wanted = [&first, &second, &first, &second];
            let upgrades = wanted.map(|release| {
                let folder = release.root().display().to_string();
                scope.spawn({
                    let sandbox = &sandbox;
                    move || sandbox.cli(["upgrade", "--release", &folder]).run().expect("it ends").code
                })
            });
            upgrades.into_iter().map(|upgrade| upgrade.join().expect("no panic")).collect()
        });
        assert!(codes.iter().all(|code| [0, LOCKED].contains(code)), "round {round}: {codes:?}");
        assert!(codes.contains(&0), "round {round}: nobody came through: {codes:?}");
        assert!(versions.contains(&node.version()), "round {round}: {}", node.version());
    }
}

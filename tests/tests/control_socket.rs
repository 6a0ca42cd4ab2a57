//! The control socket stands what a broken client sends, and several clients at once.

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;

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

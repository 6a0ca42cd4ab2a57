//! As many processes as a node may have, and as many as it can.

use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::talk::Talk;

const LIMIT: u64 = 200;

#[test]
fn a_node_at_its_process_limit_refuses_more_and_goes_on() {
    let sandbox = Sandbox::new("messages").expect("the fixture builds");
    let run = sandbox.cli(["run", "--listen", "127.0.0.1:0", "--processes-max", &LIMIT.to_string()]);
    let mut node = Node::start(run.into_command(), &sandbox.root()).expect("the fixture runs");
    assert_eq!(node.status()["processes_max"], LIMIT);
    let mut talk = Talk::open(node.address());
    for _ in 0..3 {
        let said = talk.ask("crowd fill");
        let filled: Vec<_> = said.split_whitespace().collect();
        assert_eq!(filled[..3], ["Limit", "Some(Limit)", "Some(Limit)"], "{said}");
        let crowd: u64 = filled[3].parse().expect("a number");
        // The others are the acceptor, and connections.
        assert!((LIMIT - 5..LIMIT).contains(&crowd), "{said}");
        // A connection finds no process. That is the end of it alone.
        let mut refused = TcpStream::connect(node.address()).expect("the node listens");
        refused.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
        match refused.read(&mut [0]) {
            Ok(len) => assert_eq!(len, 0, "it is closed"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "it is closed"),
        }
        talk.expect("crowd free", &format!("{crowd} again"));
        Talk::open(node.address()).expect("scene call-dead", "Err(Send(Dead(..)))");
    }
    node.log_line("the process limit is reached; a connection is closed").expect("the log says so");
    assert!(node.is_alive());
}

#[test]
#[ignore = "takes three gigabytes and a minute"]
fn ten_million_processes_are_alive_at_once() {
    let sandbox = Sandbox::new("messages").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let said = Talk::patient(node.address(), Duration::from_secs(600)).ask("crowd alive 10000000");
    assert!(said.starts_with("10000000 alive, and ended: "), "{said}");
    #[expect(clippy::print_stdout, reason = "figures, for who asks for them by --nocapture")]
    {
        println!("{said}");
    }
}

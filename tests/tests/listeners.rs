//! Listening sockets across versions: the same address is the same socket, whatever it is called, and what cannot be accepted from is found before
//! anything has changed.

use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;

/// "Refused before anything changed".
const REFUSED: i32 = 14;
/// The least that a node takes.
const PROCESSES_MAX: usize = 64;
const LISTENER: &str = ".listen(\"greet\", \"127.0.0.1:4002\", greet)";

fn greeting(address: SocketAddr) -> std::io::Result<String> {
    let mut text = String::new();
    TcpStream::connect(address)?.read_to_string(&mut text)?;
    Ok(text)
}

#[test]
fn a_listener_that_is_renamed_keeps_its_socket_forth_and_back() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let (first, address) = (node.version(), node.address());
    sandbox.edit("src/lib.rs", LISTENER, &LISTENER.replace("\"greet\"", "\"hello\"")).expect("an edit");
    let planned = sandbox.cli(["upgrade", "--dry-run"]).expect(0).stdout;
    assert!(planned.contains(&format!("kept     hello        {address}")), "{planned}");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Nobody is turned away meanwhile.
        let client = scope.spawn(|| {
            let mut greetings = 0;
            while !is_over.load(Ordering::SeqCst) {
                let text = greeting(address).expect("a connection");
                assert!(text.starts_with("hello from "), "{text:?}");
                greetings += 1;
            }
            greetings
        });
        let second = sandbox.upgrade().expect("an upgrade");
        assert_eq!((node.listener("hello"), node.listener("greet")), (Some(address), None));
        assert_eq!(greeting(address).expect("a greeting"), format!("hello from {second}\n"));
        let _said = sandbox.cli(["rollback", "--drain-wait", "0"]).expect(0);
        assert_eq!((node.listener("hello"), node.listener("greet")), (None, Some(address)));
        assert_eq!(greeting(address).expect("a greeting"), format!("hello from {first}\n"));
        is_over.store(true, Ordering::SeqCst);
        assert!(client.join().expect("the client") > 0);
    });
}

#[test]
fn a_listener_that_nobody_can_accept_from_refuses_the_upgrade() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let run = sandbox.cli(["run", "--listen", "127.0.0.1:0", "--processes-max", &PROCESSES_MAX.to_string()]);
    let node = Node::start(run.into_command(), &sandbox.root()).expect("the fixture runs");
    let (first, address) = (node.version(), node.address());
    let more = |count: usize| {
        let more = (0..count).map(|index| format!(".listen(\"more{index}\", \"127.0.0.1:0\", greet)"));
        format!("{LISTENER}{}", more.collect::<String>())
    };
    sandbox.edit("src/lib.rs", LISTENER, &more(PROCESSES_MAX)).expect("an edit");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(REFUSED);
    assert!(said.stderr.contains("step: prepare"), "{}", said.stderr);
    assert!(said.stderr.contains("there are as many processes as the node may have"), "{}", said.stderr);
    assert_eq!(node.version(), first);
    // What was made for it is gone again, so that nearly as many fit: there is the acceptor of the first one, and who is greeted.
    assert_eq!(greeting(address).expect("a greeting"), format!("hello from {first}\n"));
    sandbox.edit("src/lib.rs", &more(PROCESSES_MAX), &more(PROCESSES_MAX - 2)).expect("an edit");
    let second = sandbox.upgrade().expect("an upgrade");
    assert!(node.listener("more0").is_some());
    assert_ne!(second, first);
}

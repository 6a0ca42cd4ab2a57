//! Crates made for tokio work inside of processes, and the runtime that they need goes with its image.

use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;
use system_tests::node::Node;
use system_tests::sandbox::Sandbox;
use system_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);
const SOURCE: &str = "src/lib.rs";

fn ecosystem() -> (Sandbox, Node) {
    let sandbox = Sandbox::new("ecosystem").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    (sandbox, node)
}

/// A connection to the plugin: each line is a task, each answer its outcome.
struct Tasks(BufReader<TcpStream>);

impl Tasks {
    fn open(node: &Node) -> Self {
        let stream = TcpStream::connect(node.address()).expect("the node listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a socket");
        Self(BufReader::new(stream))
    }

    fn ask(&mut self, task: &str) -> String {
        self.0.get_mut().write_all(format!("{task}\n").as_bytes()).expect("an open connection");
        let mut outcome = String::new();
        self.0.read_line(&mut outcome).unwrap_or_else(|error| panic!("{task}: {error}"));
        outcome.trim().to_owned()
    }
}

/// A server on a thread of the test, for so many connections.
fn serve<T: Send + 'static>(
    connections: usize,
    act: impl Fn(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<Vec<T>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let accept = move || (0..connections).map(|_| act(listener.accept().expect("a client").0)).collect();
    (address, std::thread::spawn(accept))
}

/// The node's threads that tokio runtimes have, by thread id: each runtime's are named by its image's number.
fn runtime_threads(node: &Node) -> BTreeMap<String, String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", node.os_pid())).expect("a live process");
    let name = |folder: &fs::DirEntry| fs::read_to_string(folder.path().join("comm")).unwrap_or_default();
    let threads = tasks.flatten().map(|thread| (thread.path().display().to_string(), name(&thread).trim().to_owned()));
    threads.filter(|(_, name)| name.starts_with("tokio ")).collect()
}

/// The runtimes that have threads.
fn runtimes(node: &Node) -> Vec<String> {
    let mut names: Vec<_> = runtime_threads(node).into_values().collect();
    names.sort();
    names.dedup();
    names
}

fn wait_for_runtimes(node: &Node, expected: &[&str]) {
    let found = wait::until("the runtimes", LIMIT, || (runtimes(node) == expected).then_some(()));
    found.unwrap_or_else(|error| panic!("{error:#}: {:?} instead of {expected:?}", runtimes(node)));
}

#[test]
fn timers_channels_sockets_threads_and_clients_of_tokio_work_in_a_process() {
    let (sandbox, node) = ecosystem();
    let mut tasks = Tasks::open(&node);
    assert_eq!(tasks.ask("timers"), "slept true, late true");
    assert_eq!(tasks.ask("channels"), "sum 5050, last 100, same 5050");
    assert_eq!(tasks.ask("blocking"), "sum 5050, elsewhere true, panicked true");

    let (address, peer) = serve(1, |stream| {
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a line");
        (&stream).write_all(line.to_uppercase().as_bytes()).expect("a client that reads");
    });
    assert_eq!(tasks.ask(&format!("socket {address}")), "heard HELLO");
    peer.join().expect("the peer does not panic");

    let file = sandbox.beside("file");
    fs::write(&file, "in a file\n").expect("written");
    assert_eq!(tasks.ask(&format!("file {}", file.display())), "in a file");

    let (address, server) = serve(1, answer_two);
    assert_eq!(tasks.ask(&format!("fetch http://{address}/")), "you said: you said:");
    server.join().expect("the server does not panic");
}

/// Answers two requests on one connection: with what their bodies say.
fn answer_two(stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    for _ in 0..2 {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a head");
            match line.trim().to_ascii_lowercase().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().expect("a length"),
                _ if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let answer = format!("you said: {}", String::from_utf8_lossy(&body));
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
        reader.get_mut().write_all(format!("{head}{answer}").as_bytes()).expect("a client that reads");
    }
}

#[test]
fn combinators_mix_futures_of_tokio_and_of_processes() {
    let (_sandbox, node) = ecosystem();
    let mut tasks = Tasks::open(&node);
    assert_eq!(tasks.ask("select"), "message 1, message 2, tokio's time, our time");
    assert_eq!(tasks.ask("combinators"), "late true true, unordered 110, buffered [2, 4, 6, 8]");
    assert_eq!(tasks.ask("receive 10000"), format!("sum {}", 10_000 * 10_001), "none is lost, none comes twice");
    let polls: u32 = tasks.ask("rest").parse().expect("a number of polls");
    assert!(polls <= 10, "a process in which nothing happens was polled {polls} times");
}

#[test]
fn a_process_that_ends_with_tokios_things_in_its_hands_lets_go_of_them() {
    let (_sandbox, node) = ecosystem();
    let mut tasks = Tasks::open(&node);
    let (address, peer) = serve(3, |stream| stream);
    let pid = tasks.ask(&format!("hold {address}"));
    let mut streams = peer.join().expect("the peer does not panic");
    assert_eq!(tasks.ask(&format!("kill {pid}")), "true");
    let said: Vec<_> = streams.iter_mut().map(said_until_closed).collect();
    assert_eq!(said, ["", "goodbye\n", "goodbye\n"], "closed by a drop, and by tasks that drops have spawned");
    wait::until("its end", LIMIT, || (tasks.ask(&format!("kill {pid}")) == "false").then_some(())).expect("it is dead");

    let heard = tasks.ask("panic");
    assert!(heard.starts_with("after tokio's time at "), "{heard}");
    assert_eq!(tasks.ask("timers"), "slept true, late true", "another process goes on");
}

fn said_until_closed(stream: &mut TcpStream) -> String {
    stream.set_read_timeout(Some(LIMIT)).expect("a socket");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("closed in order");
    said
}

#[test]
fn a_runtime_goes_with_its_image_and_comes_again_with_it() {
    let (sandbox, mut node) = ecosystem();
    assert_eq!(runtimes(&node), [""; 0], "made by the first process");
    let first = node.version();
    let mut old = Tasks::open(&node);
    old.ask("timers");
    assert_eq!(runtimes(&node), ["tokio 1"]);

    sandbox.edit(SOURCE, "failed: {error}", "failed now: {error}").expect("an edit");
    sandbox.upgrade().expect("an upgrade");
    let mut new = Tasks::open(&node);
    assert_eq!(new.ask("none"), "failed now: no task \"none\"");
    assert_eq!(new.ask("timers"), "slept true, late true");
    assert_eq!(old.ask("timers"), "slept true, late true", "a draining image has its runtime while a process lives");
    assert_eq!(runtimes(&node), ["tokio 1", "tokio 2"]);
    drop(old);
    wait_for_runtimes(&node, &["tokio 2"]);

    // Now with nobody connected whose end could be what ends the runtime.
    drop(new);
    upgrade_back(&node, &first);
    wait_for_runtimes(&node, &[]);
    let mut again = Tasks::open(&node);
    assert_eq!(again.ask("blocking"), "sum 5050, elsewhere true, panicked true");
    assert_eq!(runtimes(&node), ["tokio 1"]);

    assert_eq!(sandbox.cli(["stop"]).expect(0).code, 0);
    assert!(node.ended().expect("the node ends").success());
}

/// To a release that the node has.
fn upgrade_back(node: &Node, release: &str) {
    let mut stream = UnixStream::connect(node.root().join("run/control.sock")).expect("connected");
    let request = json!({ "schema": 1, "command": "upgrade", "release": release, "follow_drain_ms": 0 });
    stream.write_all(format!("{request}\n").as_bytes()).expect("sent");
    let last = BufReader::new(stream).lines().map_while(Result::ok).last().expect("an answer");
    assert!(last.contains("\"done\""), "{last}");
    assert_eq!(node.version(), release);
}

#[test]
fn a_runtime_with_nothing_to_do_sleeps() {
    let (_sandbox, node) = ecosystem();
    let mut tasks = Tasks::open(&node);
    tasks.ask("timers");
    let rests = wait::until("a second without a thread's waking", LIMIT, || {
        let before = wakings(&node);
        std::thread::sleep(Duration::from_secs(1));
        (wakings(&node) == before).then_some(before)
    });
    let threads = rests.expect("the runtime sleeps");
    assert_eq!(threads.len(), 1, "one thread while nothing blocks: {threads:?}");
    assert_eq!(tasks.ask("timers"), "slept true, late true", "it wakes when there is something to do");
}

/// How often each of the runtimes' threads has been put to sleep.
fn wakings(node: &Node) -> Vec<String> {
    let status = |thread: &String| fs::read_to_string(format!("{thread}/status")).unwrap_or_default();
    let switches = |status: String| {
        status.lines().filter(|line| line.contains("ctxt_switches")).map(str::to_owned).collect::<String>()
    };
    runtime_threads(node).keys().map(|thread| switches(status(thread))).collect()
}

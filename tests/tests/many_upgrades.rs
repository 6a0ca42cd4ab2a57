//! Up and down between two builds, over and over, while a third one drains, under load: nothing fails, and the node is no larger at the end.
//!
//! ```text
//! b ── upgrade ─► c ── rollback ─► b ── upgrade --force ─► c ── upgrade ─► b ── …      the sessions' state has other fields in c than in b
//! ```
//!
//! An image cannot be unloaded, so each build costs what it takes once; an upgrade to one that has served before costs nothing that stays. 50 upgrades by
//! default; `SYSTEM_TESTS_UPGRADES=1000` makes it as many. What the node takes meanwhile is printed.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;
use system_tests::cli::Said;
use system_tests::http::Connection;
use system_tests::node::Node;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;
use system_tests::seed::{Copy, copy_tree};
use system_tests::websocket::{Frame, WebSocket};

const UPGRADES: u64 = 50;
/// How often what the node takes is looked at.
const SAMPLES: u64 = 10;
const SESSIONS: usize = 8;
const CLIENTS: usize = 4;
/// What connections, and what is kept for the next one, may differ by between two samples.
const DESCRIPTORS_MAX: i64 = 32;
const THREADS_MAX: i64 = 8;
const MAPPINGS_MAX: i64 = 64;
const RESIDENT_MAX_KIB: i64 = 16 << 10;

/// The sessions' state as it is in the first two builds …
const STATE: &str = "// A version is edited in here.
struct Count {
    messages: u64,
}";
const COUNTS: &str = "impl Session for Count {
    type Message = ();

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        answer(&mut self.messages, message, context);";
/// … and in the third: no field of it comes from one of the same name.
const OTHER_STATE: &str = "#[state(version = 2, from = CountV1)]
struct Count {
    hundreds: u64,
    rest: u64,
}

#[derive(Serialize, Deserialize, State)]
struct CountV1 {
    messages: u64,
}

impl From<CountV1> for Count {
    fn from(before: CountV1) -> Self {
        Self { hundreds: before.messages / 100, rest: before.messages % 100 }
    }
}

impl From<Count> for CountV1 {
    fn from(now: Count) -> Self {
        Self { messages: now.hundreds * 100 + now.rest }
    }
}";
const COUNTS_OTHERWISE: &str = "impl Session for Count {
    type Message = ();

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        let mut messages = self.hundreds * 100 + self.rest;
        answer(&mut messages, message, context);
        *self = Self { hundreds: messages / 100, rest: messages % 100 };";

/// What the node takes of the system.
#[derive(Clone, Copy, Debug)]
struct Sample {
    resident_kib: i64,
    threads: i64,
    descriptors: i64,
    mappings: i64,
}

impl Sample {
    fn of(node: &Node) -> Self {
        let proc = format!("/proc/{}", node.os_pid());
        let status = fs::read_to_string(format!("{proc}/status")).expect("a process of ours");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("it says so");
            line.split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
        };
        let descriptors = fs::read_dir(format!("{proc}/fd")).expect("ours").count();
        let mappings = fs::read_to_string(format!("{proc}/maps")).expect("ours").lines().count();
        let signed = |count: usize| i64::try_from(count).expect("small");
        let (resident_kib, threads) = (number("VmRSS:"), number("Threads:"));
        Self { resident_kib, threads, descriptors: signed(descriptors), mappings: signed(mappings) }
    }
}

#[expect(clippy::print_stdout, reason = "what the node takes is the test's result")]
fn show(what: &str, sample: Sample) {
    println!("{what}: {sample:?}");
}

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/lib.rs", from, to).expect("an edit");
}

/// Changes the code, upgrades, and keeps what serves then as a release.
fn packed(sandbox: &Sandbox, from: &str, to: &str) -> ReleaseFolder {
    let line = |build| format!("const BUILD: &str = {build:?};");
    edit(sandbox, &line(from), &line(to));
    sandbox.upgrade().expect("an upgrade");
    let folder = sandbox.beside(to);
    for part in ["lib", "releases"] {
        copy_tree(&sandbox.root().join(part), &folder.join(part), &|_| Copy::Bytes).expect("copied");
    }
    ReleaseFolder::new(folder)
}

/// The session has counted all that it was sent; returns the build that answers.
fn count(socket: &mut WebSocket, sent: &mut u64) -> Result<String, String> {
    *sent += 1;
    socket.send_text("x").map_err(|failure| format!("{failure:?}"))?;
    match socket.receive() {
        Ok(Frame::Text(text)) if text.ends_with(&format!(" {sent} x")) => Ok(text[..1].to_owned()),
        other => Err(format!("{other:?} instead of {sent}")),
    }
}

fn talk(mut socket: WebSocket, is_over: &AtomicBool, answers: &AtomicU64) -> Result<(), String> {
    let mut sent = 0;
    while !is_over.load(Ordering::Relaxed) {
        count(&mut socket, &mut sent)?;
        answers.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn ask(address: SocketAddr, is_over: &AtomicBool, answers: &AtomicU64) -> Result<(), String> {
    let mut connection = None;
    while !is_over.load(Ordering::Relaxed) {
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(address),
        };
        let mut open = open.map_err(|failure| format!("{failure:?}"))?;
        let answer = open.get("/version").map_err(|failure| format!("{failure:?}"))?;
        if answer.status != 200 {
            return Err(format!("status {}", answer.status));
        }
        answers.fetch_add(1, Ordering::Relaxed);
        connection = Some(open).filter(|_| !answer.closes());
    }
    Ok(())
}

/// The next of so many: down by a roll-back or by an upgrade, in turns, and up. What was rolled back comes again when it is forced to.
fn go(sandbox: &Sandbox, number: u64, [b, c]: &[ReleaseFolder; 2]) -> Said {
    let upgrade = |release: &ReleaseFolder| {
        sandbox.cli(["upgrade", "--json", "--drain-wait", "0", "--force", "--release"]).args([release.root()])
    };
    let cli = match number % 4 {
        1 => sandbox.cli(["rollback", "--json", "--drain-wait", "0"]),
        3 => upgrade(b),
        _ => upgrade(c),
    };
    cli.run().expect("it ends")
}

/// `stay`: sessions that cannot move, of the first build and of the second.
fn upgrade(sandbox: &Sandbox, node: &Node, count: u64, releases: &[ReleaseFolder; 2], stay: &mut [WebSocket; 2]) {
    let (mut sent, mut warm) = ([0; 2], None);
    for number in 1..=count {
        let said = go(sandbox, number, releases);
        assert_eq!(said.code, 0, "upgrade {number}: {}{}", said.stdout, said.stderr);
        assert!(said.json()["pauses"]["count"].as_u64() >= Some(SESSIONS as u64), "they move: {}", said.stdout);
        let builds = [0, 1].map(|at| self::count(&mut stay[at], &mut sent[at]).expect("it drains undisturbed"));
        assert_eq!(builds, ["a", "b"], "what cannot move stays");
        if number.is_multiple_of(count.div_ceil(SAMPLES)) {
            let sample = Sample::of(node);
            show(&format!("after {number} upgrades"), sample);
            let warm: &Sample = warm.get_or_insert(sample);
            let bounded = [
                (sample.resident_kib - warm.resident_kib, RESIDENT_MAX_KIB),
                (sample.threads - warm.threads, THREADS_MAX),
                (sample.descriptors - warm.descriptors, DESCRIPTORS_MAX),
                (sample.mappings - warm.mappings, MAPPINGS_MAX),
            ];
            assert!(bounded.iter().all(|(more, most)| more <= most), "it grows: {warm:?}, then {sample:?}");
        }
    }
    let versions = node.status()["versions"].as_array().map_or(0, Vec::len);
    assert_eq!(versions, 3 - usize::from(!count.is_multiple_of(2)), "all that have processes: {}", node.status());
}

#[test]
fn many_upgrades_up_and_down_fail_nobody_and_leave_nothing() {
    let upgrades = std::env::var("SYSTEM_TESTS_UPGRADES").ok().and_then(|count| count.parse().ok()).unwrap_or(UPGRADES);
    let sandbox = Sandbox::new("sessions").expect("the fixture builds");
    let node = sandbox.run().expect("the fixture runs");
    let open = |path| WebSocket::open(node.address(), path).expect("a WebSocket");
    let stay = || open("/stay");
    let first = stay();
    show("one image", Sample::of(&node));
    let b = packed(&sandbox, "a", "b");
    let mut stays = [first, stay()];
    show("two images", Sample::of(&node));
    edit(&sandbox, STATE, OTHER_STATE);
    edit(&sandbox, COUNTS, COUNTS_OTHERWISE);
    let c = packed(&sandbox, "b", "c");
    show("three images", Sample::of(&node));
    let (is_over, sessions, requests) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let sockets: Vec<_> = (0..SESSIONS).map(|_| open("/count")).collect();
    let begun = Instant::now();
    let failures = thread::scope(|scope| {
        let (is_over, sessions) = (&is_over, &sessions);
        let talkers = sockets.into_iter().map(|socket| scope.spawn(move || talk(socket, is_over, sessions)));
        let askers = (0..CLIENTS).map(|_| scope.spawn(|| ask(node.address(), is_over, &requests)));
        let load: Vec<_> = talkers.chain(askers).collect();
        let upgraded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            upgrade(&sandbox, &node, upgrades, &[b, c], &mut stays);
        }));
        is_over.store(true, Ordering::Relaxed);
        let failures: Vec<_> = load.into_iter().filter_map(|client| client.join().expect("no panic").err()).collect();
        upgraded.map(|()| failures)
    });
    let failures = failures.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let [sessions, requests] = [&sessions, &requests].map(|count| count.load(Ordering::Relaxed));
    show(
        &format!("{upgrades} upgrades in {:.1?}, {sessions} messages, {requests} requests", begun.elapsed()),
        Sample::of(&node),
    );
    assert_eq!(failures, Vec::<String>::new());
    assert!(sessions > upgrades && requests > upgrades, "the load was on");
}

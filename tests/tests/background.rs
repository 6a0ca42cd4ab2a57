//! A release's node in the background: started, looked after, started again, stopped, by its own command, without cargo.

use std::net::TcpListener;
use std::time::Duration;
use system_tests::elsewhere::Elsewhere;
use system_tests::http;
use system_tests::node::Node;
use system_tests::wait;

const LIMIT: Duration = Duration::from_secs(30);
const ERROR: i32 = 1;
const USAGE: i32 = 2;
const TIMED_OUT: i32 = 12;

/// Ends whatever node runs in the release's folder.
struct Ended<'a>(&'a Elsewhere);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if let Ok(said) = self.0.command(&["pid"]).run() {
            kill(&said.stdout);
        }
    }
}

fn kill(os_pid: &str) {
    let pid = os_pid.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended.
        let _: Result<(), _> = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// The session that an OS process belongs to.
fn session(os_pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{os_pid}/stat")).expect("it lives");
    let behind_name = stat.rsplit(')').next().expect("fields");
    behind_name.split_whitespace().nth(3).expect("a session").to_owned()
}

#[test]
fn a_daemon_is_started_restarted_asked_and_stopped() {
    let release = Elsewhere::new();
    let _ended = Ended(&release);
    let started = release.expect(&["daemon", "--listen", "127.0.0.1:0", "--log", "debug", "--json"], 0).json();
    assert_eq!(started["outcome"], "started", "{started}");
    let os_pid = started["os_pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a pid");
    assert_eq!(session(os_pid), os_pid.to_string(), "it leads a session of its own");
    let stderr = std::fs::read_link(format!("/proc/{os_pid}/fd/2")).expect("it lives");
    assert_eq!(stderr.to_str(), Some("/dev/null"), "nobody reads it");
    assert_eq!(release.expect(&["pid"], 0).stdout, format!("{os_pid}\n"));
    assert_eq!(release.expect(&["ping"], 0).stdout, "pong\n");
    let version = release.expect(&["version"], 0).stdout;
    assert!(version.contains(started["version"].as_str().expect("a version")), "{version}");
    let value = release.expect(&["eval", "1 + 2"], 0).stdout;
    assert_eq!(value, "3\n");
    let address = release.expect(&["status", "--json"], 0).json()["listeners"][0]["address"].clone();
    let address = address.as_str().and_then(|address| address.parse().ok()).expect("it listens");
    let _ = http::get(address, "/api/sum/13");
    let is_logged = || release.expect(&["log", "--level", "error"], 0).stdout.contains("panicked").then_some(());
    wait::until("the panic is logged", LIMIT, is_logged).expect("a crash report");
    let again = release.expect(&["daemon"], ERROR);
    assert!(again.stderr.contains("a node runs in") && again.stderr.contains("example-app stop"), "{}", again.stderr);

    let restarted = release.expect(&["restart", "--json"], 0).json();
    assert_eq!(restarted["outcome"], "restarted", "{restarted}");
    assert_ne!(restarted["os_pid"], started["os_pid"]);
    assert_eq!(release.expect(&["log", "level"], 0).stdout, "debug\n", "with the same options");
    let _ = release.expect(&["stop"], 0);
    let _ = release.expect(&["ping"], ERROR);
    let files = release.expect(&["log", "-n", "1"], 0);
    assert!(files.stdout.contains("stopped") && files.stderr.contains("no node runs in"), "{files:?}");
    let log = std::fs::read_to_string(release.root().join("log/node.log")).expect("a file");
    assert!(log.contains("panicked"), "the file goes on after a restart");

    let restarted = release.expect(&["restart"], 0).stdout;
    assert!(restarted.starts_with("restarted example-app "), "also when none runs: {restarted}");
}

#[test]
fn a_node_that_does_not_serve_says_why() {
    let release = Elsewhere::new();
    let _ended = Ended(&release);
    let taken = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let said = release.expect(&["daemon", "--listen", &address], ERROR);
    assert!(said.stderr.contains("error: ") && said.stderr.contains(&address), "{}", said.stderr);
    assert!(said.stderr.contains("hint: stop what listens there"), "{}", said.stderr);
    let said = release.expect(&["daemon", "--log", "loud"], ERROR);
    assert!(said.stderr.contains("\"loud\" is not off"), "{}", said.stderr);
    let late = release.expect(&["daemon", "--listen", "127.0.0.1:0", "--timeout", "0"], TIMED_OUT);
    assert!(late.stderr.contains("goes on"), "{}", late.stderr);
    let os_pid = late.stderr.trim().rsplit(' ').next().unwrap_or_default();
    wait::until("it serves", LIMIT, || release.command(&["ping"]).run().ok().filter(|said| said.stdout == "pong\n"))
        .expect("it goes on");
    let restarted = release.expect(&["restart", "--json"], 0).json();
    assert_ne!(restarted["os_pid"].to_string(), os_pid, "{restarted}");
    let _ = release.expect(&["stop"], 0);
    let _ = release.expect(&["daemon", "--log-files", "0"], USAGE);
    std::fs::remove_dir_all(release.root().join("lib")).expect("its plugin goes");
    let broken = release.expect(&["daemon", "--listen", "127.0.0.1:0"], ERROR);
    assert!(broken.complaint().0.is_some_and(|error| error.contains("lib/")), "{}", broken.stderr);
}

#[test]
fn a_node_that_others_have_started_is_not_restarted() {
    let release = Elsewhere::new();
    let start = release.command(&["start", "--listen", "127.0.0.1:0"]).into_command();
    let mut node = Node::start(start, release.root()).expect("it serves");
    let refused = release.expect(&["restart"], ERROR);
    assert!(refused.stderr.contains("was not started by bin/example-app daemon"), "{}", refused.stderr);
    assert!(refused.stderr.contains("systemctl restart"), "{}", refused.stderr);
    assert!(node.is_alive());
}

//! Nodes on other machines: releases are brought there by ssh, and commands are called there.

mod far;

use far::{Far, error};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use system_tests::cli::{Cli, Said};
use system_tests::release::ReleaseFolder;
use system_tests::sshd::Sshd;

const ERROR: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 14;

/// What goes over the wire besides files.
const TALK_LEN: u64 = 200_000;

/// The path has what a shell would read.
#[test]
fn a_release_is_deployed_upgraded_and_asked() {
    let far = Far::new("an app é it's $HOME `id` \\ ! ~", &[]);
    let said = far.cli(&["status"]).expect(ERROR);
    assert!(error(&said).starts_with("there is no folder ssh://"), "{}", said.stderr);
    let said = far.upgrade(&[], ERROR);
    assert!(error(&said).starts_with("there is no folder ssh://"), "{}", said.stderr);
    assert!(said.stderr.contains("hint: cargo system deploy --node 'ssh://"), "{}", said.stderr);
    assert!(!said.stderr.contains("Compiling") && !far.folder.exists(), "before anything is built or made");

    let first = far.deploy();
    assert_eq!(far.version(), first);
    assert!(far.greeting().starts_with("hello from "), "{}", far.greeting());
    assert!(!far.folder.join("incoming").exists(), "what came in is in its place");
    let again = far.cli(&["deploy", "--json"]).expect(0);
    assert_eq!(again.json()["changed"], false, "{}", again.stdout);

    far.edit("hello", "good day");
    let before = far.sshd.bytes();
    let said = far.upgrade(&[], 0);
    let result = said.json();
    let second = result["to"].as_str().expect("a version").to_owned();
    assert_eq!((&result["outcome"], &result["from"]), (&"upgraded".into(), &first.clone().into()), "{result}");
    assert_eq!(result["node"], far.node());
    let sent = event(&said, "sent");
    assert_eq!(sent["files"], 4, "the plugin, what is linked into it, the manifest and the record: {sent}");
    let plugin = fs::read_dir(far.folder.join("lib")).expect("plugins").flatten().map(|entry| entry.path());
    let lens = plugin.map(|folder| fs::metadata(folder.join("libgreet.so")).expect("a plugin").len());
    assert!(far.sshd.bytes() - before < lens.max().expect("a plugin") + TALK_LEN, "nothing else is sent");
    assert!(said.json_lines().iter().any(|line| line["event"] == "switched" && line["node"] == far.node()));
    assert!(far.greeting().starts_with("good day from "), "{}", far.greeting());
    assert!(!far.folder.join("incoming").exists());

    assert_eq!(far.cli(&["eval", "1 + 2"]).expect(0).stdout, "3\n");
    let said = far.cli(&["eval", "it's"]).expect(ERROR);
    assert!(said.stderr.contains("error: "), "{}", said.stderr);
    let _ = far.cli(&["eval"]).expect(USAGE);
    assert_eq!(console(&far, "20 + 3\n"), "23\n");
    assert!(far.cli(&["status"]).expect(0).stdout.contains(&second));
    let back = far.ask(&["rollback", "--drain-wait", "0"]);
    assert_eq!(back["to"], first, "{back}");
    let said = far.upgrade(&[], REFUSED);
    assert!(error(&said).contains("was rolled back"), "{}", said.stderr);
    assert_eq!(said.json()["serving"], first, "{}", said.stdout);
    let _ = far.upgrade(&["--force"], 0);
    assert_eq!(far.version(), second);
    let _ = far.cli(&["stop"]).expect(0);
    let said = far.cli(&["ping"]).expect(ERROR);
    assert!(error(&said).starts_with("no node runs in "), "{}", said.stderr);
    let said = far.upgrade(&[], ERROR);
    assert!(error(&said).starts_with("no node serves at ssh://"), "{}", said.stderr);
    let restarted = far.ask(&["restart"]);
    assert_eq!((&restarted["outcome"], &restarted["version"]), (&"restarted".into(), &second.into()));
}

/// The event of that name.
fn event(said: &Said, name: &str) -> Value {
    let found = said.json_lines().into_iter().find(|line| line["event"] == name);
    found.unwrap_or_else(|| panic!("no event {name} in {}", said.stdout))
}

/// What the console says to that.
fn console(far: &Far, input: &str) -> String {
    let mut command = far.cli(&["console"]).into_command();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("started");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    let said = child.wait_with_output().expect("its end");
    assert!(said.status.success(), "{said:?}");
    String::from_utf8(said.stdout).expect("text")
}

#[test]
fn a_broken_transfer_is_gone_on_from() {
    /// More than ssh has under way, which is lost with a connection.
    const SOME: u64 = 8_000_000;
    let far = Far::new("app", &[]);
    let [archive, release] = far.release("made", &[]);
    let manifest = ReleaseFolder::new(release).manifest().expect("a manifest").1;
    let files = manifest["files"].as_array().expect("files");
    let len: u64 = files.iter().filter_map(|file| file["size"].as_u64()).sum();
    assert!(len > 3 * SOME, "it is long enough to be cut twice");
    let archive = archive.display().to_string();
    let deploy = || far.cli(&["deploy", "--json", "--listen", "127.0.0.1:0", "--release", &archive]);

    // Nobody comes through after the cut: it is given up.
    far.sshd.cut_after(SOME);
    far.sshd.refuse_after_cut();
    let said = deploy().expect(ERROR);
    assert!(error(&said).contains("broke while the release was sent"), "{}", said.stderr);
    assert!(!far.folder.join("releases/RELEASES").exists(), "it is no node yet");
    far.sshd.refuse(false);

    // Cut once more, and gone on from by the same call.
    let before = far.sshd.bytes();
    far.sshd.cut_after(SOME);
    let said = deploy().expect(0);
    assert_eq!(said.json()["outcome"], "started", "{}", said.stdout);
    let sent = said.json_lines().into_iter().find(|line| line["event"] == "sent").expect("sent");
    assert!(sent["kept_bytes"].as_u64() > Some(SOME / 2), "what the first call has sent is there: {sent}");
    let total = far.sshd.bytes() - before;
    assert!(total < len, "{total} of {len}: what has arrived is not sent again, though it was cut twice");
    assert!(far.greeting().starts_with("hello from "));
}

#[test]
fn a_node_with_keys_takes_only_what_is_signed_with_one() {
    let far = Far::new("app", &[]);
    let secret = far.sandbox.beside("ours.key").display().to_string();
    let _ = far.cli(&["keys", "generate", &secret]).expect(0);
    let public = far.sandbox.beside("ours.pub").display().to_string();
    let first = far.deploy();
    let said = far.cli(&["keys", "trust", &public]).expect(0);
    assert!(said.stdout.contains(" is trusted in "), "a file here is trusted there: {}", said.stdout);

    far.edit("hello", "good day");
    let said = far.upgrade(&[], REFUSED);
    assert!(error(&said).starts_with("this node takes only releases that are signed"), "{}", said.stderr);
    assert!(!said.stderr.contains("Compiling"), "before anything is built: {}", said.stderr);
    let [unsigned, _] = far.release("unsigned", &[]);
    let before = far.sshd.bytes();
    let said = far.upgrade(&["--release", &unsigned.display().to_string()], REFUSED);
    assert!(error(&said).contains("is not signed, and this node takes only"), "{}", said.stderr);
    assert!(far.sshd.bytes() - before < TALK_LEN, "before anything is sent");
    assert_eq!(far.version(), first);
    let _ = far.upgrade(&["--sign", &secret], 0);
    assert_ne!(far.version(), first);
}

#[test]
fn several_nodes_are_upgraded_one_after_the_other_until_one_fails() {
    let far = Far::new("a", &[]);
    let others = ["b", "c"].map(|name| far.folder.with_file_name(name));
    let nodes: Vec<_> = [&far.folder, &others[0], &others[1]].map(|folder| far.sshd.node(folder)).into();
    let _ended = others.clone().map(Ended);
    let [a, b, c] = [0, 1, 2].map(|at: usize| nodes[at].as_str());
    let said = far.cli_at(a, &["deploy", "--json", "--node", b, "--node", c, "--listen", "127.0.0.1:0"]).expect(0);
    assert_eq!(said.json()["nodes"]["done"], serde_json::json!([b, c, a]), "{}", said.stdout);
    let first = far.version();
    let secret = far.sandbox.beside("ours.key").display().to_string();
    let _ = far.cli(&["keys", "generate", &secret]).expect(0);
    let public = far.sandbox.beside("ours.pub").display().to_string();
    let _ = far.cli_at(c, &["keys", "trust", &public]).expect(0);

    far.edit("hello", "good day");
    let [release, _] = far.release("made", &[]);
    let words = ["upgrade", "--drain-wait", "0", "--node", a, "--node", c];
    let said = far.cli_at(b, &words).args(["--release".as_ref(), release.as_os_str()]).expect(REFUSED);
    for line in [format!("  done: {a}"), format!("  failed: {c}"), format!("  not begun: {b}")] {
        assert!(said.stderr.lines().any(|said| said == line), "{line} is not in {}", said.stderr);
    }
    let version = |node| far.cli_at(node, &["version", "--json"]).expect(0).json()["version"].clone();
    assert_ne!(version(a), first.as_str());
    assert_eq!((version(b), version(c)), (first.clone().into(), first.into()));
    let said = far.cli_at(b, &["status", "--node", a]).expect(USAGE);
    assert!(error(&said).contains("takes one --node"), "{}", said.stderr);
}

/// A folder whose node ends with the test.
struct Ended(std::path::PathBuf);

impl Drop for Ended {
    fn drop(&mut self) {
        far::end(&self.0);
    }
}

#[test]
fn a_plan_is_made_there_and_nothing_changes() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    far.edit("hello", "good day");
    let anothers = far.folder.join("incoming/1.0.0+another");
    fs::create_dir_all(&anothers).expect("made");
    let plan = far.upgrade(&["--dry-run"], 0).json();
    assert_eq!((&plan["outcome"], &plan["plan"]["from"]), (&"planned".into(), &first.clone().into()), "{plan}");
    let said = far.cli(&["upgrade", "--dry-run"]).expect(0);
    assert!(said.stdout.contains(&first), "{}", said.stdout);
    assert_eq!(far.version(), first);
    let left = fs::read_dir(far.folder.join("incoming")).expect("there").flatten().map(|entry| entry.path());
    assert_eq!(left.collect::<Vec<_>>(), [anothers], "what somebody else sends just then stays");
    let said = far.cli(&["upgrade", "plan.json"]).expect(USAGE);
    assert!(error(&said).contains("on the node's own machine"), "{}", said.stderr);
}

#[test]
fn a_node_is_started_as_the_command_says_and_not_as_this_machine_is_set() {
    let far = Far::new("app", &[]);
    let deploy = far.cli(&["deploy", "--json", "--listen", "127.0.0.1:0", "--log-size", "50"]);
    let surroundings = [("CARGO_SYSTEM_METRICS", "127.0.0.1:1"), ("CARGO_SYSTEM_LOG_FORMAT", "json"), ("PORT", "1")];
    let deploy = surroundings.into_iter().fold(deploy, |deploy, (name, value)| deploy.env(name, value));
    let started = deploy.expect(0).json();
    let line = fs::read(format!("/proc/{}/cmdline", started["os_pid"])).expect("a node");
    let line = String::from_utf8_lossy(&line).replace('\0', " ");
    assert!(line.ends_with("--listen 127.0.0.1:0 --log-files 5 --log-size 50 "), "{line}");
}

#[test]
fn whom_ssh_does_not_trust_is_not_asked() {
    let sshd = Sshd::start(&[]).expect("an sshd");
    let node = sshd.node("/srv/app".as_ref());
    let ping = || sshd.reach(Cli::new(["ping", "--node", &node]).expect("a binary"));
    fs::write(sshd.known_hosts(), "").expect("written");
    let said = ping().expect(ERROR);
    assert!(
        said.stderr.contains("Host key verification failed") && error(&said).contains("cannot be reached"),
        "{}",
        said.stderr
    );
    sshd.configure(&[]).expect("known again");
    let said = ping().expect(ERROR);
    assert!(error(&said).starts_with("there is no folder ssh://"), "{}", said.stderr);
}

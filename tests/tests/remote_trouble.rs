//! What goes wrong on the way to another machine, or there: said in one sentence, and nothing is lost.

mod far;

use far::{Far, error};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use system_tests::cli::Cli;
use system_tests::{schema, wait};

const ERROR: i32 = 1;
const USAGE: i32 = 2;
const ROLLED_BACK: i32 = 10;
const TIMED_OUT: i32 = 12;
const REFUSED: i32 = 14;

/// For whatever happens there.
const LIMIT: Duration = Duration::from_secs(60);

/// What came of a command: exit code, lines of JSON, and what it said on standard error.
type Came = (i32, Vec<Value>, String);

/// Upgrades, and is cut when the hook there runs; then `meanwhile` happens, and this is what came of it.
fn cut_in_the_middle(far: &Far, release: &Path, words: &[&str], meanwhile: impl FnOnce()) -> Came {
    let [began, go] = ["began", "go"].map(|name| far.folder.join(name));
    let hook = far.folder.join("hooks/before");
    fs::create_dir_all(hook.with_file_name("")).expect("a folder");
    fs::write(&hook, "#!/bin/sh\ntouch began\nwhile [ ! -e go ]; do sleep 0.05; done\n").expect("written");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
    let cli = far.cli(&["upgrade", "--json", "--drain-wait", "0", "--release", &release.display().to_string()]);
    cut_when(far, cli.args(words), &began, meanwhile, &go)
}

/// Calls the command, and is cut when that is there; then `meanwhile` happens, and this is what came of it. Who waits for `go` goes on, in the end.
fn cut_when(far: &Far, cli: Cli, began: &Path, meanwhile: impl FnOnce(), go: &Path) -> Came {
    let mut command = cli.into_command();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    wait::until("it has begun there", LIMIT, || began.exists().then_some(())).expect("a command");
    far.sshd.cut();
    meanwhile();
    let done = child.wait_with_output().expect("its end");
    fs::write(go, "").expect("written");
    let said = String::from_utf8_lossy(&done.stdout);
    let _: Option<i64> = schema::check(&said).expect("as the schema has it");
    let lines = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    (done.status.code().expect("a code"), lines, String::from_utf8_lossy(&done.stderr).into_owned())
}

/// The first call of the node's own command with that word makes `began`, waits for `go`, and then does `then` before all else; returns the two.
fn hold(far: &Far, word: &str, then: &str) -> [PathBuf; 2] {
    let [began, go] = ["began", "go"].map(|name| far.sandbox.beside(name));
    let command = far.folder.join("bin/greet");
    let text = fs::read_to_string(&command).expect("a script");
    let (first, waits) = (began.display(), go.display());
    let held = format!(
        "#!/bin/sh\ncase \" $* \" in *' {word} '*) if mkdir '{first}' 2>/dev/null; then\n\
         while [ ! -e '{waits}' ] && [ -e '{first}' ]; do sleep 0.05; done\n{then}\nfi;; esac\n"
    );
    assert!(text.starts_with("#!/bin/sh\n"), "{text}");
    fs::write(&command, text.replacen("#!/bin/sh\n", &held, 1)).expect("written");
    [began, go]
}

fn go(far: &Far) {
    fs::write(far.folder.join("go"), "").expect("written");
}

#[test]
fn an_upgrade_goes_on_when_the_connection_is_lost_and_is_joined_again() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    far.edit("hello", "good day");
    let [release, _] = far.release("made", &[]);
    // It comes through again, and joins what still waits.
    let joined = || {
        let asked = || far.ask(&["history"])["in_progress"]["to"].as_str().map(str::to_owned);
        wait::until("it goes on", LIMIT, asked).expect("in progress");
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // The second command is there once a second one asks.
                let clients = || Some(()).filter(|()| clients_of(&far) > 0);
                let _: anyhow::Result<()> = wait::until("it is joined", LIMIT, clients);
                go(&far);
            });
        });
    };
    let (code, lines, stderr) = cut_in_the_middle(&far, &release, &[], joined);
    assert_eq!(code, 0, "{stderr}");
    let result = lines.last().expect("a result");
    assert_eq!((&result["outcome"], &result["changed"]), (&"upgraded".into(), &true.into()), "{result}");
    assert!(lines.iter().any(|line| line["event"] == "lost"), "{lines:?}");
    assert_ne!(far.version(), first);
    let history = far.ask(&["history"]);
    assert_eq!(history["history"].as_array().map(Vec::len), Some(1), "it was one upgrade: {history}");
}

/// How many commands for that node run there.
fn clients_of(far: &Far) -> usize {
    let of = format!("{}\0", far.folder.display());
    let processes = fs::read_dir("/proc").expect("processes").flatten();
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let is_one = |line: &Vec<u8>| {
        let line = String::from_utf8_lossy(line);
        line.contains(&of) && line.contains("\0upgrade\0")
    };
    lines.filter(is_one).count()
}

#[test]
fn who_does_not_get_there_again_is_told_what_to_do() {
    let far = Far::new("app", &[]);
    far.deploy();
    far.edit("hello", "good day");
    let [release, _] = far.release("made", &[]);
    let (code, lines, stderr) = cut_in_the_middle(&far, &release, &[], || far.sshd.refuse(true));
    assert_eq!(code, TIMED_OUT, "{stderr}");
    assert!(stderr.contains("was lost while it upgraded to"), "{stderr}");
    assert!(stderr.contains("hint: the same command joins it again"), "{stderr}");
    let failed = lines.last().expect("a result");
    assert_eq!((&failed["exit_code"], &failed["node"]), (&TIMED_OUT.into(), &far.node().into()));
    // Which it does.
    far.sshd.refuse(false);
    let said = far.upgrade(&["--release", &release.display().to_string()], 0);
    assert_eq!(said.json()["outcome"], "upgraded", "{}", said.stdout);
    assert!(far.greeting().starts_with("good day from "));
    assert!(!far.folder.join("incoming").exists());
}

/// What is built from here on is never well.
fn fall_ill(far: &Far) {
    let check = "Application::new().health_check(\"never\", std::time::Duration::from_secs(5), || async { Err::<(), _>(\"never\") })";
    far.sandbox.edit("src/lib.rs", "Application::new()", check).expect("an edit");
}

#[test]
fn an_upgrade_that_fails_there_fails_here() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    fall_ill(&far);
    let said = far.upgrade(&[], ROLLED_BACK);
    let result = said.json();
    assert_eq!((&result["exit_code"], &result["serving"]), (&ROLLED_BACK.into(), &first.clone().into()), "{result}");
    assert!(error(&said).contains("never"), "{}", said.stderr);
    assert_eq!(far.version(), first);
}

/// It was rolled back yesterday, too; and it is not tried twice now.
#[test]
fn what_is_rolled_back_while_the_connection_is_lost_is_said() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    fall_ill(&far);
    let [release, _] = far.release("made", &[]);
    let _ = far.upgrade(&["--release", &release.display().to_string()], ROLLED_BACK);
    // What the folder says, without a way there.
    let history = || Cli::of(&far.folder.join("bin/greet")).args(["history", "--json"]).expect(0).json();
    far.sshd.refuse_after_cut();
    let (code, lines, stderr) = cut_in_the_middle(&far, &release, &["--force"], || {
        go(&far);
        let is_over = || (history()["history"][0]["number"] == 2).then_some(());
        wait::until("it is rolled back", LIMIT, is_over).expect("an end");
        far.sshd.refuse(false);
    });
    assert_eq!(code, ROLLED_BACK, "{stderr}");
    assert!(stderr.contains("never"), "{stderr}");
    let failed = lines.last().expect("a result");
    assert_eq!((&failed["exit_code"], &failed["serving"]), (&ROLLED_BACK.into(), &first.into()), "{failed}");
    let history = history();
    assert_eq!(history["history"].as_array().map(Vec::len), Some(2), "{history}");
}

#[test]
fn a_connection_that_breaks_before_anything_has_begun_does_not_use_up_force() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    far.edit("hello", "good day");
    let [release, _] = far.release("made", &[]);
    let release = release.display().to_string();
    let _ = far.upgrade(&["--release", &release], 0);
    let _ = far.ask(&["rollback", "--drain-wait", "0"]);
    let [began, go] = hold(&far, "upgrade", "exit 1");
    let upgrade = far.cli(&["upgrade", "--json", "--drain-wait", "0", "--force", "--release", &release]);
    let (code, lines, stderr) = cut_when(&far, upgrade, &began, || (), &go);
    assert_eq!(code, 0, "{stderr}");
    assert!(lines.iter().any(|line| line["event"] == "lost"), "{lines:?}");
    assert_ne!(far.version(), first);
}

#[test]
fn a_node_that_starts_while_the_connection_is_lost_has_started() {
    let far = Far::new("app", &[]);
    let first = far.deploy();
    let _ = far.cli(&["stop"]).expect(0);
    let [began, go] = hold(&far, "daemon", ":");
    let deploy = far.cli(&["deploy", "--json", "--listen", "127.0.0.1:0"]);
    let (code, lines, stderr) = cut_when(&far, deploy, &began, || fs::write(&go, "").expect("written"), &go);
    assert_eq!(code, 0, "{stderr}");
    let started = lines.last().expect("a result");
    assert_eq!((&started["outcome"], &started["version"]), (&"started".into(), &first.into()), "{started}");
    assert_eq!(started["os_pid"], far.ask(&["pid"])["os_pid"], "{started}");
}

#[test]
fn a_node_that_does_not_start_leaves_no_release() {
    let far = Far::new("app", &[]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = taken.local_addr().expect("an address").to_string();
    let said = far.cli(&["deploy", "--listen", &address]).expect(ERROR);
    assert!(error(&said).contains(&address), "{}", said.stderr);
    assert!(!far.folder.join("releases/RELEASES").exists() && !far.folder.join("incoming").exists());
    far.edit("hello", "good day");
    far.deploy();
    assert!(far.greeting().starts_with("good day from "), "another release, too");
}

/// The first `uname` on the path says that it is another machine; then there is no `sha256sum` on it.
#[test]
fn another_kind_of_machine_is_refused_before_anything_is_built_or_sent() {
    let tools = tempfile::tempdir().expect("a folder");
    let uname = tools.path().join("uname");
    fs::write(&uname, "#!/bin/sh\ncase $1 in -s) echo Linux;; *) echo aarch64;; esac\n").expect("written");
    fs::set_permissions(&uname, fs::Permissions::from_mode(0o755)).expect("executable");
    let path = format!("{}:/usr/bin:/bin", tools.path().display());
    let far = Far::new("app", &[("PATH", &path)]);
    let said = far.cli(&["deploy", "--json"]).expect(REFUSED);
    let expected = "is aarch64-unknown-linux-gnu, and the release is for x86_64-unknown-linux-gnu";
    assert!(error(&said).contains(expected), "{}", said.stderr);
    assert!(!said.stderr.contains("Compiling") && !far.folder.exists(), "{}", said.stderr);
    let [release, _] = far.release("made", &["--target", "x86_64-unknown-linux-gnu"]);
    let said = far.cli(&["deploy", "--release", &release.display().to_string()]).expect(REFUSED);
    assert!(error(&said).contains(expected) && !far.folder.exists(), "{}", said.stderr);
    let said = far.sandbox.cli(["release", "--target", "aarch64-unknown-linux-gnu"]).expect(ERROR);
    assert!(error(&said).contains("aarch64-unknown-linux-gnu") && error(&said).contains("x86_64"), "{}", said.stderr);

    fs::remove_file(&uname).expect("removed");
    for tool in fs::read_dir("/usr/bin").expect("tools").flatten() {
        if tool.file_name() != "sha256sum" {
            symlink(tool.path(), tools.path().join(tool.file_name())).expect("linked");
        }
    }
    far.sshd.configure(&[("PATH", &tools.path().display().to_string())]).expect("configured");
    let said = far.cli(&["deploy"]).expect(ERROR);
    assert!(error(&said).ends_with("lacks sha256sum"), "{}", said.stderr);
}

#[test]
fn a_folder_that_is_no_nodes_or_cannot_be_written_is_left_alone() {
    let far = Far::new("app", &[]);
    fs::create_dir(&far.folder).expect("made");
    fs::write(far.folder.join("notes.txt"), "mine").expect("written");
    let said = far.cli(&["deploy"]).expect(ERROR);
    assert!(error(&said).contains("has \"notes.txt\" in it, and is no node's folder"), "{}", said.stderr);
    assert!(!said.stderr.contains("Compiling"), "{}", said.stderr);
    let said = far.upgrade(&[], ERROR);
    assert!(error(&said).contains("is no node's folder: it has \"notes.txt\" in it"), "{}", said.stderr);
    let said = far.cli(&["ps"]).expect(ERROR);
    assert!(error(&said).contains("is no node's folder"), "{}", said.stderr);
    assert_eq!(fs::read_dir(&far.folder).expect("there").count(), 1);

    let [release, _] = far.release("made", &[]);
    let release = release.display().to_string();
    let inside = far.sshd.node(&far.folder.join("notes.txt/app"));
    for node in [inside, far.sshd.node(Path::new("/proc/app"))] {
        let said = far.cli_at(&node, &["deploy", "--release", &release]).expect(ERROR);
        assert!(error(&said).contains("cannot be written to: mkdir: "), "{}", said.stderr);
    }
    let long = far.sshd.node(&far.folder.with_file_name("x".repeat(100)));
    let said = far.cli_at(&long, &["deploy", "--release", &release]).expect(ERROR);
    assert!(said.stderr.contains(", and the system takes 107"), "{}", said.stderr);
}

/// What cannot be written leaves nothing: the room is needed there.
#[test]
fn a_file_that_does_not_fit_is_an_error_and_leaves_nothing() {
    let far = Far::new("app", &[]);
    far.sshd.limit_files(1_000_000);
    let said = far.cli(&["deploy"]).expect(ERROR);
    assert!(error(&said).contains("cannot be written to: "), "{}", said.stderr);
    let left = |folder: &str| fs::read_dir(far.folder.join(folder)).map_or(0, Iterator::count);
    assert_eq!((left("incoming"), left("releases")), (0, 0));
    far.sshd.limit_files(u64::MAX);
    far.deploy();
}

#[test]
fn an_address_is_never_an_option() {
    let cli = |node: &str| Cli::new(["status", "--node", node]).expect("a binary");
    for node in
        ["ssh://-oProxyCommand=touch%20x/srv", "ssh://-l@host/srv", "ssh://host;id/srv", "ssh://host", "ssh://host/%0a"]
    {
        let said = cli(node).expect(USAGE);
        assert!(said.stderr.contains("write ssh://[user@]host[:port]/path"), "{}", said.stderr);
    }
    let said = cli("ssh://127.0.0.1:1/srv").env("CI", "1").expect(ERROR);
    assert!(error(&said).starts_with("ssh://127.0.0.1:1/srv cannot be reached: "), "{}", said.stderr);
    assert!(said.stderr.contains("Connection refused") && said.stderr.contains("try it by hand"), "{}", said.stderr);
    let said = Cli::new(["run", "--node", "ssh://host/srv"]).expect("a binary").expect(USAGE);
    assert!(error(&said).contains("what is built here runs here"), "{}", said.stderr);
    let said = Cli::new(["deploy", "--node", "/srv/app"]).expect("a binary").expect(USAGE);
    assert!(error(&said).contains("another machine"), "{}", said.stderr);
}

/// Who follows a log there is gone when whoever followed it here is.
#[test]
fn who_follows_a_log_ends_with_its_reader() {
    let far = Far::new("app", &[]);
    far.deploy();
    let mut command = far.cli(&["log", "-f"]).into_command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started");
    let follows = || {
        let processes = fs::read_dir("/proc").expect("processes").flatten();
        let mut lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        let wanted = format!("{}\0log\0-f\0", far.folder.display());
        lines.any(|line| String::from_utf8_lossy(&line).contains(&wanted))
    };
    wait::until("it follows", LIMIT, || follows().then_some(())).expect("a follower");
    child.kill().expect("killed");
    child.wait().expect("its end");
    wait::until("it ends", LIMIT, || (!follows()).then_some(())).expect("no follower is left");
}

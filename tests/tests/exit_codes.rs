//! Every exit code, each for its reason: what a script relies on (`cargo system --help`). Other tests have further reasons; one of each is here.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;
use system_tests::cli::{Cli, Said};
use system_tests::sandbox::Sandbox;
use system_tests::{wait, workspace};

const DONE: i32 = 0;
const ERROR: i32 = 1;
const USAGE: i32 = 2;
const ROLLED_BACK: i32 = 10;
const NOT_ROLLED_BACK: i32 = 11;
const TIMED_OUT: i32 = 12;
const LOCKED: i32 = 13;
const REFUSED: i32 = 14;
const INTERRUPTED: i32 = 130;

/// No step of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// What runs before an upgrade, in the node's folder.
fn hook(sandbox: &Sandbox, script: &str) {
    let path = sandbox.root().join("hooks/before");
    fs::create_dir_all(path.with_file_name("")).expect("a folder");
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

fn edit(sandbox: &Sandbox, from: &str, to: &str) {
    sandbox.edit("src/lib.rs", from, to).expect("an edit");
}

/// The code in words: what was wrong, and nothing twice.
fn says(said: &Said, expected: &str) {
    let (error, _) = said.complaint();
    assert!(error.is_some_and(|error| error.contains(expected)), "{}", said.stderr);
}

#[test]
fn what_cannot_be_done_is_an_error_and_wrong_words_are_usage() {
    let place = tempfile::tempdir().expect("a folder");
    let tool = |words: &[&str]| Cli::new(words).expect("the binary under test builds").in_folder(place.path());
    says(&tool(&["ping", "--node", "nowhere"]).expect(ERROR), "no node runs in ");
    let said = tool(&["rollback", "--force"]).expect(USAGE);
    assert!(said.stderr.contains("<VERSION>"), "{}", said.stderr);
    let _ = tool(&["--help"]).expect(DONE);
}

#[test]
fn an_upgrade_is_done_refused_rolled_back_or_nobody_knows() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let mut node = sandbox.run().expect("a node");
    let upgrade = |code| sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(code);
    edit(&sandbox, "hello from", "good day from");
    assert!(upgrade(DONE).stdout.contains("upgraded "));
    assert!(upgrade(DONE).stdout.contains("nothing to do"), "it is there already");
    let serving = node.version();

    edit(&sandbox, "good day from", "good night from");
    hook(&sandbox, "echo not now; exit 3");
    says(&upgrade(REFUSED), "not now");
    assert_eq!(node.version(), serving);

    hook(&sandbox, "exit 0");
    let check = "    Application::new().health_check(\"db\", std::time::Duration::from_secs(60), || async { Err::<(), String>(\"no route\".to_owned()) })";
    edit(&sandbox, "    Application::new()", check);
    let back = upgrade(ROLLED_BACK);
    says(&back, "no route");
    let log = back.stderr.split_once("the node's log:\n").expect("its last lines").1;
    assert!(log.lines().next().is_some_and(|line| line.contains("host upgrade: ")), "{}", back.stderr);
    assert_eq!(node.version(), serving);

    edit(&sandbox, check, "    Application::new()");
    hook(&sandbox, "kill -9 $PPID");
    says(&upgrade(NOT_ROLLED_BACK), "hung up");
    node.ended().expect("the hook has killed it");
}

/// A hook waits meanwhile until the test lets it go on.
#[test]
fn an_upgrade_that_takes_its_time_outlives_who_asked_for_it_and_shuts_out_others() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let node = sandbox.run().expect("a node");
    edit(&sandbox, "hello from", "good day from");
    let serving = sandbox.upgrade().expect("an upgrade");
    edit(&sandbox, "good day from", "good night from");
    hook(&sandbox, "while ! test -e go; do sleep 0.02; done");

    let late = sandbox.cli(["upgrade", "--drain-wait", "0", "--timeout", "0"]).expect(TIMED_OUT);
    says(&late, "has not finished within 0ns, and goes on");
    says(&sandbox.cli(["rollback"]).expect(LOCKED), "in progress");

    let words = sandbox.beside("words");
    let mut joining = sandbox.cli(["upgrade"]).into_command();
    let mut joining =
        joining.stdout(Stdio::null()).stderr(File::create(&words).expect("a file")).spawn().expect("started");
    let has_joined = || fs::read_to_string(&words).ok().filter(|words| words.contains("joining the upgrade"));
    wait::until("it joins", LIMIT, has_joined).expect("it joins");
    rustix::process::kill_process(rustix::process::Pid::from_child(&joining), rustix::process::Signal::INT)
        .expect("told");
    let ended = wait::until("it ends", LIMIT, || joining.try_wait().transpose()).expect("it ends").expect("a child");
    let words = fs::read_to_string(&words).expect("its words");
    assert_eq!(ended.code(), Some(INTERRUPTED), "{words}");
    assert!(words.contains("interrupted; the node goes on with it"), "{words}");
    assert_eq!(node.version(), serving);

    fs::write(sandbox.root().join("go"), "").expect("written");
    let said = sandbox.cli(["upgrade", "--drain-wait", "0"]).expect(DONE);
    assert_ne!(node.version(), serving, "{}", said.stdout);
}

/// A code that is new, or means something else, has its test here.
#[test]
fn each_code_of_the_tool_is_named_above() {
    let read = |path: &str| fs::read_to_string(workspace::root().join(path)).expect("a source");
    let (codes, tests) = (read("cargo-system/src/exit_code.rs"), read("tests/tests/exit_codes.rs"));
    let named: Vec<_> = codes.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = ")).collect();
    assert!(named.len() >= 9, "{named:?}");
    for (name, code) in named {
        let words = name.char_indices().map(|(at, c)| match at {
            0 => c.to_string(),
            _ if c.is_uppercase() => format!("_{c}"),
            _ => c.to_uppercase().to_string(),
        });
        let constant = format!("const {}: i32 = {code};", words.collect::<String>());
        assert!(tests.contains(&constant), "no test has {name}, exit code {code}");
    }
}

//! Ctrl-C, or SIGTERM as some CI systems send it, at any moment of a command: it ends with 130, or had come to its end; nothing is left half-done,
//! and the same command does it.
//!
//! A moment is a call to the system: the command's calls are counted once, and then one of them after the other is answered by the signal, with as
//! many left out between as there is time for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use system_tests::cli::{Cli, Said};
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;
use system_tests::store::Folder;
use system_tests::strace;

const INTERRUPTED: i32 = 130;
/// What a shell says of a program that a signal has ended: before it listens to any.
const TERMINATED: i32 = 143;

/// A call of its main thread: its name, and its place among those of that name, from 1, as strace counts.
type Call = (String, usize);

/// The command with a signal at that call; none: its calls are written into `log`.
fn watched(command: &Command, signal: Option<(&str, &Call)>, log: &Path) -> Cli {
    let mut watched = Cli::of("strace".as_ref()).args(["-o"]).args([log]);
    if let Some((signal, (name, place))) = signal {
        watched = watched.args(["-e", &format!("inject={name}:signal={signal}:when={place}")]);
    }
    for (name, value) in command.get_envs() {
        if let (name, Some(value)) = (name.to_string_lossy(), value) {
            watched = watched.env(&name, value);
        }
    }
    let watched = watched.args([command.get_program()]).args(command.get_args());
    command.get_current_dir().into_iter().fold(watched, |cli, folder| cli.in_folder(folder))
}

/// Interrupts the command at so many moments from its beginning to its end; after each, `check` hears what it said, and makes all as it was.
/// Returns which signals it has said that it was interrupted by.
fn everywhere(
    moments: usize,
    command: impl Fn() -> Command,
    mut check: impl FnMut(&Said, &str),
) -> BTreeSet<&'static str> {
    let place = tempfile::tempdir().expect("a folder");
    let log = place.path().join("calls");
    let whole = watched(&command(), None, &log).expect(0);
    check(&whole, "undisturbed");
    let calls = calls(&fs::read_to_string(&log).expect("calls"));
    let mut noticed = BTreeSet::new();
    for moment in 0..moments {
        let (call, signal) = (&calls[moment * calls.len() / moments], ["INT", "TERM"][moment % 2]);
        let said = watched(&command(), Some((signal, call)), &log).run().expect("it ends");
        let when = format!("{signal} at {call:?}: {}\n{}{}", said.code, said.stdout, said.stderr);
        assert!([0, INTERRUPTED, TERMINATED].contains(&said.code), "{when}");
        let has_said_so = said.stderr.contains("error: interrupted");
        // Before it listens, a signal ends it as any program, and it has said nothing yet.
        assert!(said.code == 0 || has_said_so || said.stderr.is_empty() && said.stdout.is_empty(), "{when}");
        noticed.extend(has_said_so.then_some(signal));
        check(&said, &when);
    }
    noticed
}

fn calls(log: &str) -> Vec<Call> {
    let mut counts = BTreeMap::<&str, usize>::new();
    let names = log.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name);
    // What strace has no name for it cannot be told by.
    let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let names = names.filter(|name| is_name(name) && !name.starts_with("syscall_"));
    let mut placed = |name| {
        let count = counts.entry(name).or_default();
        *count += 1;
        (name.to_owned(), *count)
    };
    names.map(&mut placed).collect()
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn an_upgrade_is_done_or_not_and_can_be_asked_for_again() {
    if !strace::is_possible() {
        return;
    }
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let first = sandbox.release("first").expect("a release");
    sandbox.edit("src/lib.rs", "hello from", "good day from").expect("an edit");
    let second = sandbox.release("second").expect("a release");
    let node = sandbox.start(&first).expect("it serves");
    let version = |release: &ReleaseFolder| release.manifest().expect("a manifest").1["version"].clone();
    let versions = [version(&first), version(&second)].map(|version| version.as_str().expect("text").to_owned());
    let bin = first.root().join("bin/greet");
    let to = |release: &ReleaseFolder| {
        let words = ["upgrade", "--drain-wait", "0", "--release"].map(str::to_owned);
        Cli::of(&bin).args(words).args([release.root()])
    };
    let noticed = everywhere(
        24,
        || to(&second).into_command(),
        |said, when| {
            let serving = node.version();
            assert!(versions.contains(&serving), "{when}");
            assert!(said.code != 0 || serving == versions[1], "{when}");
            let _ = to(&second).expect(0);
            assert_eq!(node.version(), versions[1], "the same command does it; {when}");
            Folder::check_settled(node.root()).unwrap_or_else(|error| panic!("{error:#}; {when}"));
            let _ = to(&first).expect(0);
        },
    );
    assert_eq!(noticed.len(), 2, "only {noticed:?} was noticed");
}

#[test]
fn a_release_is_made_or_not_and_leaves_nothing_beside() {
    if !strace::is_possible() {
        return;
    }
    let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
    let folder = sandbox.beside("releases");
    fs::create_dir(&folder).expect("a folder");
    let out = folder.join("greet").display().to_string();
    let release = || sandbox.cli(["release", "--out", &out]);
    let verified = || sandbox.cli(["release", "verify", &out]);
    let mut whole = None;
    let noticed = everywhere(
        10,
        || release().into_command(),
        |said, when| {
            let there = names(&folder);
            assert!(there.iter().all(|name| !name.contains(".new-")), "{there:?} after {when}");
            if there.contains("greet") {
                let _ = verified().expect(0);
            }
            assert!(said.code != 0 || there.contains("greet"), "{when}");
            let _ = release().expect(0);
            let _ = verified().expect(0);
            assert_eq!(&names(&folder), whole.get_or_insert(there), "the same command makes all of it; {when}");
            fs::remove_dir_all(&folder).expect("it goes");
            fs::create_dir(&folder).expect("a folder");
        },
    );
    assert_eq!(noticed.len(), 2, "only {noticed:?} was noticed");
}

#[test]
fn a_project_is_new_or_not_there_or_said_not_to_be_whole() {
    if !strace::is_possible() {
        return;
    }
    let place = tempfile::tempdir().expect("a folder");
    let project = place.path().join("chat");
    let new = || Cli::new(["new", "chat"]).expect("the binary under test builds").in_folder(place.path());
    // What cargo has made is filled, whatever comes.
    let _noticed = everywhere(
        24,
        || new().into_command(),
        |said, when| {
            let is_whole = project.join("src/page.html").exists();
            assert!(said.code != 0 || is_whole, "{when}");
            assert!(is_whole || !project.exists() || said.stderr.contains("is not whole"), "{when}");
            if project.exists() {
                fs::remove_dir_all(&project).expect("it goes");
            }
        },
    );
}

//! What a program asks of the system for the files of a folder, seen and spoiled by strace: its first such call, its second …; so that whoever
//! adds one to the program has it tested.
//!
//! ```text
//! attach, nothing spoiled ─► the list of calls ─► for each: attach, and kill the program there, or have the call fail
//! ```
//!
//! A call is known by its name and its place among its thread's calls of that name: strace counts by thread.

use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use system_tests::cli::Said;
use system_tests::wait;

/// Calls that change what is on a disk, or say that it is to stay …
const CHANGES: &[&str] = &[
    "write",
    "pwrite64",
    "writev",
    "ftruncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "renameat2",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "rmdir",
    "fchmod",
    "chmod",
    "fchmodat",
    "utimensat",
];
/// … and those that only fail.
const LOOKS: &[&str] = &["openat", "read", "flock"];

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) name: String,
    /// Its place among its thread's calls of that name, from 1.
    pub(crate) place: usize,
    /// What was asked for.
    pub(crate) shown: String,
}

impl Call {
    pub(crate) fn changes(&self) -> bool {
        CHANGES.contains(&self.name.as_str()) || self.shown.contains("O_CREAT")
    }

    /// It has not come to anything, or there was nothing to read: nobody misses it.
    pub(crate) fn is_idle(&self) -> bool {
        self.shown.contains(" = -1 ") || (self.name == "read" && self.shown.ends_with(" = 0"))
    }

    /// It has come back, with a result or an error.
    pub(crate) fn has_returned(&self) -> bool {
        self.shown.rsplit_once(") = ").is_some_and(|(_, result)| result != "?")
    }

    /// What it is about: of a call with a descriptor, that and its file; else all that was asked for.
    pub(crate) fn file(&self) -> &str {
        match self.name.as_str() {
            "read" | "flock" => self.shown.split_once('>').map_or(&self.shown, |(file, _)| file),
            _ => &self.shown,
        }
    }

    /// The file that is not on the disk for certain until this call has been made.
    pub(crate) fn flushed_file(&self) -> Option<PathBuf> {
        let path = self.shown.strip_prefix("fsync(")?.split_once('<')?.1.split_once('>')?.0;
        Some(PathBuf::from(path)).filter(|path| path.is_file())
    }

    /// How it can fail on a real machine.
    pub(crate) fn error(&self) -> &'static str {
        match self.name.as_str() {
            "openat" if !self.changes() => "EMFILE",
            "flock" => "ENOLCK",
            "fsync" | "fdatasync" | "read" | "unlink" | "unlinkat" | "rmdir" => "EIO",
            _ => "ENOSPC",
        }
    }
}

/// What is to become of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spoil<'a> {
    Nothing,
    /// The program is killed as it makes it; it is not made.
    Kill(&'a Call),
    Fail(&'a Call),
}

impl Spoil<'_> {
    fn argument(self) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Kill(call) => Some(format!("inject={}:signal=KILL:when={}", call.name, call.place)),
            Self::Fail(call) => Some(format!("inject={}:error={}:when={}", call.name, call.error(), call.place)),
        }
    }
}

/// All that a node can ask the system about in its folder: what stands there, and what it would write.
fn paths(root: &Path, os_pid: u32) -> Vec<PathBuf> {
    let mut paths = vec![root.join(format!("releases/RELEASES.new-{os_pid}"))];
    for part in ["lib", "releases"] {
        add_all(&root.join(part), &mut paths);
    }
    paths
}

fn add_all(path: &Path, paths: &mut Vec<PathBuf>) {
    paths.push(path.to_owned());
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("readable") {
            add_all(&entry.expect("readable").path(), paths);
        }
    }
}

/// A program that is watched.
#[derive(Debug)]
pub(crate) struct Strace {
    child: Child,
    log: PathBuf,
    _place: tempfile::TempDir,
}

/// `strace`, for these paths and what is done with descriptors of theirs.
fn command(paths: &[PathBuf], log: &Path, spoil: Spoil<'_>) -> Command {
    let mut strace = Command::new("strace");
    let calls = [CHANGES, LOOKS].concat().join(",");
    strace.args(["-f", "-y", "-s", "16", "-e", &format!("trace={calls}"), "-o"]).arg(log);
    for path in paths {
        strace.arg("-P").arg(path);
    }
    if let Some(argument) = spoil.argument() {
        strace.args(["-e", &argument]);
    }
    strace.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    strace
}

impl Strace {
    /// Watches a node that runs already, with all its threads, and what it does in its folder.
    pub(crate) fn attach(os_pid: u32, root: &Path, spoil: Spoil<'_>) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let log = place.path().join("calls");
        let child =
            command(&paths(root, os_pid), &log, spoil).args(["-p", &os_pid.to_string()]).spawn().expect("strace");
        let strace = Self { child, log, _place: place };
        let is_watched = || {
            let tasks = fs::read_dir(format!("/proc/{os_pid}/task")).ok()?;
            let mut states = tasks.map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
            states.all(|state| state.is_some_and(|state| !state.contains("TracerPid:\t0\n"))).then_some(())
        };
        wait::until("strace watches all threads", Duration::from_secs(20), is_watched).expect("it is allowed");
        strace
    }

    /// Starts a program and watches it from its beginning, whatever files it asks about.
    pub(crate) fn start(program: &Command, spoil: Spoil<'_>) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let log = place.path().join("calls");
        let mut strace = command(&[], &log, spoil);
        strace.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => strace.env(name, value),
                None => strace.env_remove(name),
            };
        }
        if let Some(folder) = program.get_current_dir() {
            strace.current_dir(folder);
        }
        Self { child: strace.spawn().expect("strace"), log, _place: place }
    }

    /// Waits until what it watches has ended.
    pub(crate) fn until_ended(&mut self) {
        let ended = || self.child.try_wait().expect("a child of ours").map(drop);
        wait::until("the program has ended", Duration::from_secs(60), ended).expect("it ends");
    }

    /// Watches no longer. All calls that were seen, in order.
    pub(crate) fn calls(mut self) -> Vec<Call> {
        self.end();
        calls(&self.log)
    }

    /// Strace lets go of what it watches when it is told to end, and only then.
    fn end(&mut self) {
        let pid = self.child.id().to_string();
        // It has ended already when what it watched is gone.
        let _: std::io::Result<_> = Command::new("kill").args(["-TERM", &pid]).stderr(Stdio::null()).status();
        self.child.wait().expect("a child of ours");
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// What the record says of an upgrade that has not begun, before its first step, and when it is over.
pub(crate) const NOTHING: &str = "";
pub(crate) const BEGIN: &str = "begin";
pub(crate) const DONE: &str = "done";

/// A node's calls in an upgrade of these steps, by what the record says meanwhile: it says the next thing from one rename to the next.
pub(crate) fn states(calls: &[Call], steps: &[String]) -> Vec<(String, Vec<Call>)> {
    let names = [NOTHING, BEGIN].into_iter().chain(steps.iter().map(String::as_str)).chain([DONE]);
    let mut states: Vec<_> = names.map(|name| (name.to_owned(), Vec::new())).collect();
    let (mut at, last) = (0, states.len() - 1);
    for call in calls {
        states[at].1.push(call.clone());
        // What is removed when it is over is written down, too.
        at += usize::from(call.name == "rename" && call.shown.contains("RELEASES") && at < last);
    }
    assert_eq!(at, last, "each step is written down: {steps:?}");
    states
}

/// The node's steps, as a command has told them.
pub(crate) fn steps(said: &Said) -> Vec<String> {
    let step = |line: Value| Some(line["step"].as_str()?.to_owned()).filter(|_| line["event"] == "step");
    // The client's own step is not the node's.
    said.json_lines().into_iter().filter_map(step).filter(|step| step != "unpack").collect()
}

/// What strace writes when another thread calls before a call has come back …
const UNFINISHED: &str = " <unfinished ...>";
/// … and when it then does, after its name.
const RESUMED: &str = " resumed>";

/// The calls of a log, in the order in which they were made, each with its place.
fn calls(log: &Path) -> Vec<Call> {
    let text = fs::read_to_string(log).expect("a log");
    let mut places: HashMap<(&str, &str), usize> = HashMap::new();
    let mut unfinished: HashMap<&str, usize> = HashMap::new();
    let mut calls: Vec<Call> = Vec::new();
    for line in text.lines() {
        let Some((thread, said)) = line.split_once(' ') else { continue };
        let said = said.trim_start();
        if let Some((_, rest)) = said.strip_prefix("<... ").and_then(|said| said.split_once(RESUMED)) {
            let call = unfinished.remove(thread).expect("what goes on has begun");
            calls[call].shown.push_str(rest);
            continue;
        }
        // Signals and ends are no calls.
        let Some((name, _)) = said.split_once('(').filter(|(name, _)| !name.starts_with(['-', '+'])) else {
            continue;
        };
        let place = places.entry((thread, name)).or_default();
        *place += 1;
        if said.ends_with(UNFINISHED) {
            unfinished.insert(thread, calls.len());
        }
        let shown = said.trim_end_matches(UNFINISHED).to_owned();
        calls.push(Call { name: name.to_owned(), place: *place, shown });
    }
    calls
}

#[test]
fn a_call_that_another_thread_interrupts_is_one_call() {
    let log = tempfile::NamedTempFile::new().expect("a file");
    let text =
        "7  fsync(3</a> <unfinished ...>\n8  write(4</b>, \"x\", 1) = 1\n7  <... fsync resumed>) = -1 EIO (INJECTED)\n";
    fs::write(&log, text).expect("written");
    let shown: Vec<_> = calls(log.path()).into_iter().map(|call| (call.shown, call.place)).collect();
    let call = |shown: &str| (shown.to_owned(), 1);
    assert_eq!(shown, [call("fsync(3</a>) = -1 EIO (INJECTED)"), call("write(4</b>, \"x\", 1) = 1")]);
}

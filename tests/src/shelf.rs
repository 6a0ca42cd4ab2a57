//! A node's folder with three releases, copied for each case: one that has served before, one that boots, and one that is there to be upgraded to.
//!
//! ```text
//! built once:  base/     old, permanent, next (unpacked)        next/, barrier/, failing/   releases to upgrade to
//! each case:   a copy of base/ (what is never written to is linked) ─► node ─► what the case does to it ─► checks
//! ```

use crate::cli::{Cli, Said};
use crate::http;
use crate::node::Node;
use crate::sandbox::Sandbox;
use crate::seed::{Copy, copy_tree};
use crate::store::Folder;
use crate::websocket::{Frame, WebSocket};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The state before, of the same fields; its conversion fails at the third time: copies are converted there and back, then the one process moves.
const CONVERSION: &str = "
#[derive(Serialize, Deserialize, State)]
struct CountV1 {
    messages: u64,
}

impl TryFrom<CountV1> for Count {
    type Error = &'static str;

    fn try_from(before: CountV1) -> Result<Self, &'static str> {
        static SEEN: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        match SEEN.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            2 => Err(\"not this one\"),
            _ => Ok(Self { messages: before.messages }),
        }
    }
}

impl From<Count> for CountV1 {
    fn from(now: Count) -> Self {
        Self { messages: now.messages }
    }
}

impl Session for Count {";

/// See the file's head.
#[derive(Debug)]
pub struct Shelf {
    sandbox: Sandbox,
    /// What has served in the base before: its version.
    pub old: String,
    /// What boots in it.
    pub first: Release,
    /// What is there to be upgraded to.
    pub next: Release,
    /// Its processes move all at once; with `full` alone.
    pub barrier: Option<Release>,
    /// Its move fails once, and is then rolled back; with `full` alone.
    pub failing: Option<Release>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Release {
    /// As everybody names it.
    pub version: String,
    /// What its sessions begin their answers with.
    pub build: &'static str,
    folder: PathBuf,
}

/// A node in a folder of its own.
#[derive(Debug)]
pub struct Case<'a> {
    shelf: &'a Shelf,
    /// The folder.
    pub root: PathBuf,
    node: Option<Node>,
    socket: Option<WebSocket>,
    sent: u64,
}

impl Shelf {
    /// Builds the first three.
    ///
    /// # Panics
    /// When they do not build.
    #[must_use]
    pub fn build() -> Self {
        Self::with(false)
    }

    /// Builds all.
    ///
    /// # Panics
    /// When they do not build.
    #[must_use]
    pub fn full() -> Self {
        Self::with(true)
    }

    fn with(all: bool) -> Self {
        let sandbox = Sandbox::new("sessions").expect("the fixture builds");
        let node = sandbox.run().expect("the fixture runs");
        let old = node.version();
        let first = packed(&sandbox, ["a", "b"], "base");
        // One is kept: then an upgrade has one to remove.
        sandbox.set("keep-releases = 1").expect("settings");
        let next = packed(&sandbox, ["b", "c"], "next");
        let (mut barrier, mut failing) = (None, None);
        if all {
            let moves = "\nmove = \"barrier\"";
            sandbox.edit("Cargo.toml", "keep-releases = 1", &format!("keep-releases = 1{moves}")).expect("an edit");
            barrier = Some(packed(&sandbox, ["c", "d"], "barrier"));
            sandbox.edit("Cargo.toml", moves, "").expect("an edit");
            sandbox
                .edit("src/lib.rs", "// A version is edited in here.", "#[state(version = 2, from = CountV1)]")
                .expect("an edit");
            sandbox.edit("src/lib.rs", "impl Session for Count {", CONVERSION).expect("an edit");
            failing = Some(packed(&sandbox, ["d", "e"], "failing"));
        }
        drop(node);
        for release in [Some(&next), barrier.as_ref(), failing.as_ref()].into_iter().flatten() {
            add(release, &first.folder);
        }
        let hook = first.folder.join("hooks/before");
        fs::create_dir_all(hook.with_file_name("")).expect("a folder");
        fs::write(&hook, "#!/bin/sh\n").expect("written");
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("executable");
        Self { sandbox, old, first, next, barrier, failing }
    }

    /// A copy of the base, in which no node runs.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[must_use]
    pub fn case(&self) -> Case<'_> {
        let root = self.sandbox.beside("case");
        if root.exists() {
            fs::remove_dir_all(&root).expect("the last case's folder");
        }
        copy(&self.first.folder, &root);
        copy_tree(&self.first.folder.join("hooks"), &root.join("hooks"), &|_| Copy::Link).expect("copied");
        Case { shelf: self, root, node: None, socket: None, sent: 0 }
    }
}

impl Release {
    /// Its manifest, where it is taken from.
    #[must_use]
    pub fn manifest(&self) -> PathBuf {
        self.folder.join("releases").join(&self.version).join("manifest.json")
    }
}

/// Upgrades the node to a build of another name, and keeps what it has then.
fn packed(sandbox: &Sandbox, [from, to]: [&'static str; 2], name: &str) -> Release {
    let line = |build| format!("BUILD: &str = {build:?}");
    sandbox.edit("src/lib.rs", &line(from), &line(to)).expect("an edit");
    let version = sandbox.upgrade().expect("an upgrade");
    let folder = sandbox.beside(name);
    copy(&sandbox.root(), &folder);
    Release { version, build: to, folder }
}

/// What is unpacked in one folder is so in another one.
fn add(release: &Release, base: &Path) {
    let from = release.folder.join("releases").join(&release.version);
    let to = base.join("releases").join(&release.version);
    copy_tree(&from, &to, &|_| Copy::Bytes).expect("copied");
    copy_tree(&release.folder.join("lib"), &base.join("lib"), &|_| Copy::Link).expect("copied");
}

fn copy(from: &Path, to: &Path) {
    for (part, how) in [("lib", Copy::Link), ("releases", Copy::Bytes)] {
        copy_tree(&from.join(part), &to.join(part), &|_| how).expect("a node's folder is copied");
    }
}

impl Case<'_> {
    /// `cargo-system …`, for this folder.
    ///
    /// # Panics
    /// When the binary under test does not build.
    #[must_use]
    pub fn cli(&self, words: &[&str]) -> Cli {
        let cli = Cli::new(words.iter().copied()).expect("the binary under test builds");
        cli.env("CARGO_SYSTEM_NODE", &self.root).in_folder(&self.shelf.sandbox.beside(""))
    }

    /// Boots what is permanent in it.
    ///
    /// # Panics
    /// When it does not boot.
    pub fn boot(&mut self) -> &mut Node {
        self.node.insert(Node::start(self.start(), &self.root).expect("it boots"))
    }

    /// The command that boots it.
    ///
    /// # Panics
    /// When the binary under test does not build.
    #[must_use]
    pub fn start(&self) -> Command {
        self.cli(&["start", "--listen", "127.0.0.1:0"]).into_command()
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The node.
    ///
    /// # Panics
    /// When none was booted.
    pub fn node(&mut self) -> &mut Node {
        self.node.as_mut().expect("a node runs")
    }

    /// Kills the node, if it lives.
    pub fn kill(&mut self) {
        (self.node, self.socket) = (None, None);
    }

    /// Opens a session, which has state from then on.
    ///
    /// # Panics
    /// When it does not open.
    pub fn open_session(&mut self) {
        let address = self.node().address();
        self.socket = Some(WebSocket::open(address, "/count").expect("a WebSocket"));
        self.sent = 0;
        self.session_counts();
    }

    /// The session answers, and has counted all that it was ever sent.
    ///
    /// # Panics
    /// When it does not.
    pub fn session_counts(&mut self) -> String {
        self.sent += 1;
        let socket = self.socket.as_mut().expect("a session");
        socket.send_text("x").expect("sent");
        let Ok(Frame::Text(text)) = socket.receive() else { panic!("no answer from the session") };
        let (build, rest) = text.split_once(' ').expect("words");
        assert_eq!(rest, format!("{} x", self.sent), "the session has its state");
        build.to_owned()
    }

    /// What `status` says and what a client is answered: one version.
    ///
    /// # Panics
    /// When they are two.
    pub fn serving(&mut self) -> String {
        let node = self.node();
        let version = node.version();
        let answer = http::get(node.address(), "/version").expect("an answer");
        assert_eq!(String::from_utf8_lossy(&answer.body), version, "what a client is answered");
        version
    }

    /// Upgrades the node, with these options.
    ///
    /// # Panics
    /// When the command does not end.
    #[must_use]
    pub fn upgrade(&self, to: &Release, options: &[&str]) -> Said {
        let folder = to.folder.display().to_string();
        self.say(&[&["upgrade", "--release", &folder], options].concat())
    }

    /// Says something to the node about its versions; what is left on older ones is not waited for.
    ///
    /// # Panics
    /// When the command does not end.
    #[must_use]
    pub fn say(&self, words: &[&str]) -> Said {
        self.cli(words).args(["--json", "--drain-wait", "0", "--timeout", "20"]).run().expect("it ends")
    }

    /// What holds whoever has died.
    ///
    /// # Panics
    /// When it does not.
    pub fn check(&self) -> Folder {
        Folder::check(&self.root).unwrap_or_else(|error| panic!("the folder: {error:#}"))
    }

    /// What holds when nothing is in progress.
    ///
    /// # Panics
    /// When it does not.
    pub fn check_settled(&self) -> Folder {
        Folder::check_settled(&self.root).unwrap_or_else(|error| panic!("the folder: {error:#}"))
    }
}

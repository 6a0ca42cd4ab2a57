//! A workspace here, and a node's folder on another machine.

use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use system_tests::cli::{Cli, Said};
use system_tests::sandbox::Sandbox;
use system_tests::sshd::Sshd;

/// See the file's head.
pub(crate) struct Far {
    pub(crate) sandbox: Sandbox,
    pub(crate) sshd: Sshd,
    /// The node's folder, which is not there yet.
    pub(crate) folder: PathBuf,
}

impl Far {
    /// The folder has this name, in a place of the sandbox's own.
    pub(crate) fn new(name: &str, variables: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::releasable("greet").expect("the fixture builds");
        let sshd = Sshd::start(variables).expect("an sshd");
        let folder = sandbox.beside("there").join(name);
        fs::create_dir_all(folder.parent().expect("a folder")).expect("made");
        Self { sandbox, sshd, folder }
    }

    /// Its address.
    pub(crate) fn node(&self) -> String {
        self.sshd.node(&self.folder)
    }

    /// `cargo-system …`, for that node.
    pub(crate) fn cli(&self, words: &[&str]) -> Cli {
        self.cli_at(&self.node(), words)
    }

    /// The same, for that address.
    pub(crate) fn cli_at(&self, node: &str, words: &[&str]) -> Cli {
        self.sshd.reach(self.sandbox.cli(words.iter().copied())).args(["--node", node])
    }

    /// Puts the workspace's release there; returns its version.
    pub(crate) fn deploy(&self) -> String {
        let said = self.cli(&["deploy", "--json", "--listen", "127.0.0.1:0"]).expect(0);
        let result = said.json();
        assert_eq!(result["outcome"], "started", "{result}");
        result["version"].as_str().expect("a version").to_owned()
    }

    /// `upgrade --json`, with this release, or of the workspace.
    pub(crate) fn upgrade(&self, words: &[&str], code: i32) -> Said {
        self.cli(&["upgrade", "--json", "--drain-wait", "0"]).args(words).expect(code)
    }

    /// What a node's command says with `--json`.
    pub(crate) fn ask(&self, words: &[&str]) -> Value {
        self.cli(words).args(["--json"]).expect(0).json()
    }

    /// The version that serves.
    pub(crate) fn version(&self) -> String {
        self.ask(&["version"])["version"].as_str().expect("a version").to_owned()
    }

    /// Changes what is greeted with.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        self.sandbox.edit("src/lib.rs", &format!("{from} from"), &format!("{to} from")).expect("an edit");
    }

    /// What whoever connects is greeted with.
    pub(crate) fn greeting(&self) -> String {
        let status = self.ask(&["status"]);
        let address: SocketAddr =
            status["listeners"][0]["address"].as_str().and_then(|address| address.parse().ok()).expect("an address");
        let mut said = String::new();
        TcpStream::connect(address).and_then(|mut stream| stream.read_to_string(&mut said)).expect("a greeting");
        said
    }

    /// Packs the workspace's release; returns its archive and its folder.
    pub(crate) fn release(&self, name: &str, words: &[&str]) -> [PathBuf; 2] {
        let folder = self.sandbox.beside(name).join("release");
        let cli = self.sandbox.cli(["release", "--json", "--out"]).args([&folder]).args(words);
        [cli.expect(0).json()["archive"].as_str().expect("an archive").into(), folder]
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        end(&self.folder);
    }
}

/// Ends whatever node runs in that folder.
pub(crate) fn end(folder: &Path) {
    let said = Cli::of(&folder.join("bin/greet")).args(["pid"]).run();
    let pid = said.ok().and_then(|said| rustix::process::Pid::from_raw(said.stdout.trim().parse().ok()?));
    if let Some(pid) = pid {
        // It may have ended.
        let _: Result<(), _> = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
}

/// The sentence of an error.
pub(crate) fn error(said: &Said) -> &str {
    said.complaint().0.unwrap_or_else(|| panic!("no error in {}", said.stderr))
}

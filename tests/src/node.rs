//! A running node: started, asked, and killed when dropped, so that none outlives its test.

use crate::cli::Cli;
use crate::{tied, wait};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// A node serves within this time, or does not; a first build included.
const START_TIME_MAX: Duration = Duration::from_secs(300);
/// A node that was told to stop is gone within this time.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// A node that serves.
#[derive(Debug)]
pub struct Node {
    root: PathBuf,
    child: Child,
    log: PathBuf,
    _log_place: tempfile::TempDir,
    address: SocketAddr,
    os_pid: u32,
}

impl Node {
    /// Starts the command and waits until the node of `root` answers.
    ///
    /// # Errors
    /// When the command ends, or the node does not answer in time.
    pub fn start(command: Command, root: &Path) -> Result<Self> {
        Self::start_within(START_TIME_MAX, command, root)
    }

    /// The same, for what is built from nothing first.
    ///
    /// # Errors
    /// When the command ends, or the node does not answer in time.
    pub fn start_within(limit: Duration, command: Command, root: &Path) -> Result<Self> {
        let log_place = tempfile::tempdir()?;
        let log = log_place.path().join("log");
        let output = File::create(&log)?;
        let mut child = tied::to_us(&command).stdout(output.try_clone()?).stderr(output).spawn()?;
        let serving = wait::until("the node answers", limit, || match child.try_wait() {
            Ok(Some(status)) => Some(Err(status)),
            Err(_) => None,
            Ok(None) => Some(Ok(serving(root)?)),
        });
        let said = || format!("the log:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
        let (address, os_pid) = match serving.with_context(said) {
            Ok(Ok(serving)) => serving,
            Ok(Err(status)) => bail!("the node ended with {status}; {}", said()),
            Err(error) => {
                give_up(&mut child);
                return Err(error);
            }
        };
        Ok(Self { root: root.into(), child, log, _log_place: log_place, address, os_pid })
    }

    /// Where its first listener is bound.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the listener of that name is bound.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        let status = self.status();
        let listener = status["listeners"].as_array()?.iter().find(|listener| listener["name"] == name)?;
        listener["address"].as_str()?.parse().ok()
    }

    /// The OS process that serves.
    #[must_use]
    pub fn os_pid(&self) -> u32 {
        self.os_pid
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All that it has written so far.
    ///
    /// # Panics
    /// When its log is gone.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).expect("a node's log is a file");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits for a line of the log that contains `text`.
    ///
    /// # Errors
    /// When none comes.
    pub fn log_line(&self, text: &str) -> Result<String> {
        let what = format!("a line of the log with {text:?}");
        let found = wait::until(&what, Duration::from_secs(10), || {
            self.log().lines().find(|line| line.contains(text)).map(str::to_owned)
        });
        found.with_context(|| self.log())
    }

    /// `status --json`.
    ///
    /// # Panics
    /// When the node does not answer.
    #[must_use]
    pub fn status(&self) -> Value {
        status(&self.root).unwrap_or_else(|| panic!("no status from the node; its log:\n{}", self.log()))
    }

    /// The version that serves.
    ///
    /// # Panics
    /// When the node does not answer, or has no current version.
    #[must_use]
    pub fn version(&self) -> String {
        let status = self.status();
        let versions = status["versions"].as_array().expect("versions");
        let current = versions.iter().find(|version| version["state"] == "current").expect("a current version");
        current["version"].as_str().expect("a version is text").to_owned()
    }

    /// Does its OS process live?
    ///
    /// # Panics
    /// When the system does not tell.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("a child of ours").is_none()
    }

    /// Waits for the end of its OS process, which somebody has asked for.
    ///
    /// # Errors
    /// When it goes on.
    pub fn ended(&mut self) -> Result<ExitStatus> {
        wait::until("the node ends", STOP_TIME_MAX, || self.child.try_wait().transpose())?.context("its exit status")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<_> = log.lines().rev().take(30).collect();
            let tail: Vec<_> = tail.into_iter().rev().collect();
            // The harness shows what a test writes only when it fails.
            #[expect(clippy::print_stderr, reason = "the log of a node is part of a failed test's output")]
            {
                eprintln!("--- the end of the node's log\n{}", tail.join("\n"));
            }
        }
    }
}

/// What it has started itself, such as a build, ends with it, if it is asked first.
fn give_up(child: &mut Child) {
    let asked = rustix::process::kill_process(rustix::process::Pid::from_child(child), rustix::process::Signal::INT);
    // It is killed if it does not end.
    let _: Option<Result<_>> =
        asked.ok().map(|()| wait::until("its end", STOP_TIME_MAX, || child.try_wait().ok().flatten()));
    end(child);
}

fn end(child: &mut Child) {
    // It may have ended already.
    let _: std::io::Result<()> = child.kill();
    let _: std::io::Result<ExitStatus> = child.wait();
}

fn status(root: &Path) -> Option<Value> {
    let said = Cli::new(["status", "--json"]).ok()?.env("CARGO_SYSTEM_NODE", root).run().ok()?;
    (said.code == 0).then(|| said.json())
}

fn serving(root: &Path) -> Option<(SocketAddr, u32)> {
    let status = status(root)?;
    let address = status["listeners"].get(0)?["address"].as_str()?.parse().ok()?;
    let os_pid = status["os_pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())?;
    Some((address, os_pid))
}

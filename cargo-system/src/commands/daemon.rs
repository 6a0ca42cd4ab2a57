//! `daemon`: start the release's node in the background, and return when it serves, or when it is clear that it does not.
//! `restart`: stop it, and start it again as it was started.
//!
//! ```text
//! started ─► serves: 0, and what it was started with stands in run/daemon.json
//!    ├─ ends before: its own error and exit code
//!    └─ the time is up: 12; it goes on, and restart knows it as well
//! ```

use super::run::release_node;
use super::stop;
use super::version::{ask_status, current};
use crate::answers::{self, Answer, Done};
use crate::cli::Serving;
use crate::client;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, OrHint as _};
use crate::node_path::NodePath;
use crate::progress::Heartbeat;
use crate::{hints, interrupt, output};
use anyhow::Context as _;
use runtime::protocol::Status;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Files of the log, if nothing else is said.
const LOG_FILES: u32 = 5;
/// How often it is looked whether the node serves.
const LOOK: Duration = Duration::from_millis(20);
/// So much of what a node says before it ends is shown.
const SAID_LEN_MAX: u64 = 64 * 1024;

/// What a node in the background was started with.
#[derive(Debug, Serialize, Deserialize)]
struct Started {
    os_pid: u32,
    arguments: Vec<OsString>,
}

pub(super) fn daemon(context: &Context, serving: Serving, timeout: u32) -> Result<(), Failure> {
    let node = release_node(context, "daemon")?;
    let serving = Serving { log_files: Some(serving.log_files.unwrap_or(LOG_FILES)), ..serving };
    let status = start(&node, serving.to_args(), timeout)?;
    conclude(context, status, "started", Answer::Started);
    Ok(())
}

pub(super) fn restart(context: &Context, grace: u32, timeout: u32) -> Result<(), Failure> {
    let node = release_node(context, "restart")?;
    let started = read(&node);
    if node.is_running()? {
        let os_pid = ask_status(&mut client::connect(&node)?)?.os_pid;
        if started.as_ref().is_none_or(|started| started.os_pid != os_pid) {
            let message = format!("the node in {} was not started by {} daemon", node.root(), node.command);
            return Err(Failure::error(message).hint(format!(
                "start it again where it was started: systemctl restart, or {0} stop and {0} start",
                node.command
            )));
        }
        stop::stop_node(&node, grace)?;
    }
    let files = || ["--log-files".into(), LOG_FILES.to_string().into()].to_vec();
    let arguments = started.map_or_else(files, |started| started.arguments);
    let status = start(&node, arguments, timeout)?;
    conclude(context, status, "restarted", Answer::Restarted);
    Ok(())
}

fn conclude(context: &Context, status: Status, outcome: &str, answer: fn(Done<answers::Started>) -> Answer) {
    let version = current(&status).to_owned();
    let Status { name, os_pid, .. } = status;
    if context.json() {
        output::json(answer(Done::new(answers::Started { name, version, os_pid, node: None })));
    } else {
        output::line(&format!("{outcome} {name} {version}, OS process {os_pid}"));
    }
}

fn start(node: &NodePath, arguments: Vec<OsString>, timeout: u32) -> Result<Status, Failure> {
    node.refuse_running()?;
    let mut said =
        tempfile::tempfile().context("there is no place for what the node says").or_hint(hints::TEMPORARY)?;
    let own = std::env::current_exe().context("this executable cannot be found")?;
    let mut command = Command::new(own);
    command.arg("node").arg("--root").arg(node.layout.root()).arg("--detach").args(&arguments);
    let stderr = said.try_clone().context("there is no place for what the node says").or_hint(hints::TEMPORARY)?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    super::run::forget_surroundings(&mut command);
    let mut child = command.spawn().context("this executable cannot be run again")?;
    let until = Instant::now() + Duration::from_secs(timeout.into());
    let started = Started { os_pid: child.id(), arguments };
    let mut heart = Heartbeat::of("waiting until it serves");
    loop {
        if let Some(status) = serving(node, &child) {
            write(node, &started);
            return Ok(status);
        }
        if let Some(ended) = child.try_wait().context("the node cannot be waited for")? {
            return Err(has_ended(node, ended.code(), &text(&mut said)));
        }
        if interrupt::happened() {
            write(node, &started);
            let message = "interrupted; the node that was started goes on".to_owned();
            return Err(Failure { message, ..interrupt::failure() }.hint(format!("its OS process is {}", child.id())));
        }
        if Instant::now() >= until {
            write(node, &started);
            let message = format!("the node in {} does not serve after {timeout} s, and goes on", node.root());
            return Err(Failure::new(ExitCode::TimedOut, message).hint(format!("its OS process is {}", child.id())));
        }
        heart.beat();
        std::thread::sleep(LOOK);
    }
}

/// What it runs, once it answers.
fn serving(node: &NodePath, child: &Child) -> Option<Status> {
    // It may not be there yet, which is no news.
    let status = ask_status(&mut client::connect(node).ok()?).ok()?;
    (status.os_pid == child.id()).then_some(status)
}

fn has_ended(node: &NodePath, code: Option<i32>, said: &str) -> Failure {
    let line = |prefix| said.lines().rev().find_map(|line: &str| line.strip_prefix(prefix)).map(str::to_owned);
    let message = match (line("error: "), code) {
        (Some(error), _) => error,
        (None, Some(code)) => format!("the node in {} ended with exit code {code} before it served", node.root()),
        (None, None) => format!("the node in {} was killed before it served", node.root()),
    };
    let hint = line("hint: ").unwrap_or_else(|| format!("{} log says what came before", node.command));
    Failure::error(message).hint(hint)
}

fn text(said: &mut File) -> String {
    let mut bytes = Vec::new();
    // What cannot be read is not shown.
    let _: std::io::Result<_> = said.rewind().and_then(|()| said.take(SAID_LEN_MAX).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn file(node: &NodePath) -> PathBuf {
    node.layout.run().join("daemon.json")
}

fn read(node: &NodePath) -> Option<Started> {
    serde_json::from_slice(&fs::read(file(node)).ok()?).ok()
}

/// Without it, `restart` is refused, and says what to do instead.
fn write(node: &NodePath, started: &Started) {
    let written = serde_json::to_vec(started).map_err(Into::into).and_then(|bytes| fs::write(file(node), bytes));
    if let Err(error) = written {
        output::note(&format!("restart will not know how this node was started: {error}"));
    }
}

//! `watch`: like `run`, and what is saved is built and upgraded in.
//!
//! ```text
//! watch ─┬─ no node runs: build ─► starts `watch --beside` and becomes the node, as `run` does
//!        └─ one runs ─► watches for it
//!
//! watches: saved ─► settled ─► build ─► upgrade ─┬─ done ───────────────────────┐
//!             ▲                   └──────────────┴─ failed: said, the old serves ┤
//!             └──────────────────────────────────────────────────────────────────┘
//! the node ends, or Ctrl-C ─► it ends
//! ```
//!
//! The node is the process that was called, so that the terminal's signals and the exit code are the node's, as with `run`. Whoever watches is
//! its child, and ends with it, however it ends.

mod saves;

use super::run::{become_node, forget_surroundings, prepare};
use super::upgrade::{self, Wish};
use super::version::ask_status;
use crate::cli::{Making, Serving, Waiting};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::{client, interrupt, output};
use anyhow::Context as _;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
use saves::Saves;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A node serves within this time of its start, or is given up.
const START_MAX: Duration = Duration::from_secs(120);
/// How long an upgrade may take.
const UPGRADE_MAX_S: u32 = 120;

pub(super) fn watch(context: &Context, serving: &Serving, beside: Option<u32>) -> Result<(), Failure> {
    let node = context.node()?;
    if let Some(os_pid) = beside {
        return match await_node(&node, os_pid)? {
            true => until_the_end(context, &node),
            false => Ok(()),
        };
    }
    if node.is_running()? {
        return until_the_end(context, &node);
    }
    let node = prepare(context)?;
    start_beside(context)?;
    become_node(&node, serving)
}

/// Starts this again, to watch for the node that this process becomes.
fn start_beside(context: &Context) -> Result<(), Failure> {
    let own = std::env::current_exe().context("this executable cannot be found")?;
    let mut command = Command::new(own);
    command.arg("watch").arg("--beside").arg(std::process::id().to_string()).args(context.global.to_args());
    forget_surroundings(&mut command);
    command.stdin(Stdio::null()).spawn().context("this executable cannot be run again")?;
    Ok(())
}

/// Waits until that node answers. False: it has ended.
fn await_node(node: &NodePath, os_pid: u32) -> Result<bool, Failure> {
    set_parent_process_death_signal(Some(Signal::TERM)).context("the end of the node would not be noticed")?;
    let until = Instant::now() + START_MAX;
    let is_there = || getppid().map(Pid::as_raw_nonzero).is_some_and(|parent| parent.get().unsigned_abs() == os_pid);
    while is_there() && !interrupt::happened() {
        let status = client::connect(node).and_then(|mut client| ask_status(&mut client));
        if status.is_ok_and(|status| status.os_pid == os_pid) {
            return Ok(true);
        }
        if Instant::now() >= until {
            let (root, seconds) = (node.root(), START_MAX.as_secs());
            let message = format!("the node in {root} does not serve after {seconds} s: what is saved is not upgraded");
            return Err(Failure::new(ExitCode::TimedOut, message).hint("its log says why"));
        }
        std::thread::sleep(interrupt::LOOK);
    }
    Ok(false)
}

/// Upgrades whatever is saved until the node ends, or somebody ends this.
fn until_the_end(context: &Context, node: &NodePath) -> Result<(), Failure> {
    let workspace = context.workspace()?;
    let folders = workspace.sources(&context.application()?)?;
    let mut saves = Saves::of(&folders, workspace.root())?;
    output::note(&format!(
        "watching {}",
        folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
    ));
    while node.is_running()? && !interrupt::happened() {
        if saves.wait(interrupt::LOOK)? {
            upgrade_in(context);
        }
    }
    Ok(())
}

/// Builds and upgrades. What fails is said, and leaves the running code alone.
fn upgrade_in(context: &Context) {
    // cargo is asked anew: what was saved may be a manifest.
    let context = Context::new(context.global.clone());
    let waiting = Waiting { drain_wait: 0, timeout: UPGRADE_MAX_S };
    let making = Making::default();
    let upgraded = upgrade::upgrade(&context, None, Wish::default(), waiting, &making);
    if let Err(failure) = upgraded
        && !interrupt::happened()
    {
        output::failure(&failure, context.json());
    }
}

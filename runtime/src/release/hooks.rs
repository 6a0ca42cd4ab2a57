//! Hooks: executables of a node's folder that are run before and after each upgrade.
//!
//! ```text
//! hooks/before ─ exit 0 ─► the upgrade ─ whatever comes of it ─► hooks/after
//!      └─ anything else, or out of time ─► refused, and nothing has changed
//! ```
//!
//! - What is not there is not run. They belong to whoever runs the node: no release brings any.
//! - A hook is told by its environment what it is about, and stands in the node's folder. It reads nothing.
//! - It has a time. When that is up, it is killed with all that it has started, its whole process group.
//! - Of what it says the end is kept, whatever the length.

use super::layout::Layout;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, PipeReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Of what a hook says, this much is kept in bytes …
const SAID_LEN_MAX: usize = 16 << 10;
/// … and this much shown, in lines and in characters of each.
const SHOWN_LINES: usize = 5;
const SHOWN_LINE_LEN: usize = 200;
/// How often the hook's end is looked for while it says nothing.
const LOOK: Duration = Duration::from_millis(10);
/// How long a killed hook may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);
/// How long to listen to a hook that has ended and whose output others hold open.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// May refuse the upgrade.
    Before,
    /// Hears what came of it.
    After,
}

/// What a hook is told.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// The application: `CARGO_SYSTEM_NAME`.
    pub name: &'a str,
    /// The version that serves, or served before: `CARGO_SYSTEM_FROM`.
    pub from: &'a str,
    /// The version that is wanted: `CARGO_SYSTEM_TO`.
    pub to: &'a str,
    /// What came of it: `CARGO_SYSTEM_OUTCOME`; empty before.
    pub outcome: &'a str,
}

/// Why a hook did not do well.
#[derive(Debug, thiserror::Error)]
#[error("the hook {} {reason}{}", path.display(), shown(said))]
pub struct HookError {
    path: PathBuf,
    reason: Reason,
    /// The last lines that it said.
    pub said: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("cannot be run: {0}")]
    Start(io::Error),
    #[error("cannot be waited for: {0}")]
    Wait(io::Error),
    #[error("{0}")]
    Ended(String),
    #[error("did not end within {0:?} and was killed")]
    Time(Duration),
}

impl Hook {
    /// Its file.
    #[must_use]
    pub fn path(self, layout: &Layout) -> PathBuf {
        layout.root().join("hooks").join(self.name())
    }

    /// Is there one?
    #[must_use]
    pub fn is_there(self, layout: &Layout) -> bool {
        self.path(layout).exists()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }
}

/// Runs the hook, if there is one, and waits for its end, for `timeout` at the most.
///
/// # Errors
/// It cannot be run, ends with anything but 0, or not in time.
pub fn run(layout: &Layout, hook: Hook, about: &About<'_>, timeout: Duration) -> Result<(), HookError> {
    let path = hook.path(layout);
    if !path.exists() {
        return Ok(());
    }
    let failed = |reason, said: &Said| HookError { path: path.clone(), reason, said: said.last_lines() };
    let mut said = Said::default();
    let started = start(&path, layout.root(), hook, about);
    let (mut child, output) = started.map_err(|error| failed(Reason::Start(error), &said))?;
    match wait(&mut child, output, &mut said, timeout) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed(Reason::Ended(ending(status)), &said)),
        Ok(None) => Err(failed(Reason::Time(timeout), &said)),
        Err(error) => Err(failed(Reason::Wait(error), &said)),
    }
}

fn start(path: &Path, root: &Path, hook: Hook, about: &About<'_>) -> io::Result<(Child, PipeReader)> {
    let (output, input) = io::pipe()?;
    let mut command = Command::new(path);
    command.current_dir(root).process_group(0);
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    command.env("CARGO_SYSTEM_HOOK", hook.name()).env("CARGO_SYSTEM_ROOT", root);
    command.env("CARGO_SYSTEM_NAME", about.name).env("CARGO_SYSTEM_FROM", about.from);
    command.env("CARGO_SYSTEM_TO", about.to).env("CARGO_SYSTEM_OUTCOME", about.outcome);
    // With the command goes this side's end of the input, or the output would never end.
    command.spawn().map(|child| (child, output))
}

/// `None`: the time was up, and it is gone.
fn wait(child: &mut Child, output: PipeReader, said: &mut Said, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let until = Instant::now() + timeout;
    let mut output = Some(output);
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(Some(status)),
            Ok(None) if Instant::now() >= until => break kill(child).map(|()| None),
            Ok(None) => listen(&mut output, said, LOOK),
            Err(error) => {
                // What cannot be waited for must not go on either.
                let _: io::Result<()> = kill(child);
                break Err(error);
            }
        }
    };
    let until = Instant::now() + LAST_WORDS;
    while output.is_some() && Instant::now() < until {
        listen(&mut output, said, LOOK);
    }
    ended
}

fn kill(child: &mut Child) -> io::Result<()> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended just now; then there is none.
        let _: Result<(), _> = kill_process_group(group, Signal::KILL);
    }
    // Nothing but the kernel can hold what is killed.
    let until = Instant::now() + KILL_PATIENCE;
    while child.try_wait()?.is_none() && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Takes what is said within that time; at the end of it, or when it cannot be read, the output is gone.
fn listen(output: &mut Option<PipeReader>, said: &mut Said, patience: Duration) {
    let Some(pipe) = output else { return std::thread::sleep(patience) };
    let patience = Timespec { tv_sec: 0, tv_nsec: patience.subsec_nanos().into() };
    let ready = poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&patience));
    if !matches!(ready, Ok(1..)) {
        return;
    }
    let mut bytes = [0; 4096];
    match pipe.read(&mut bytes) {
        Ok(0) | Err(_) => *output = None,
        Ok(len) => said.add(&bytes[..len]),
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// The end of what a hook has said.
#[derive(Debug, Default)]
struct Said(VecDeque<u8>);

impl Said {
    fn add(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        let superfluous = self.0.len().saturating_sub(SAID_LEN_MAX);
        self.0.drain(..superfluous);
    }

    fn last_lines(&self) -> Vec<String> {
        let bytes: Vec<u8> = self.0.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let printable = |line: &str| line.chars().filter(|c| !c.is_control()).take(SHOWN_LINE_LEN).collect::<String>();
        let lines: Vec<_> = text.lines().map(printable).filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(SHOWN_LINES)..].to_vec()
    }
}

fn shown(said: &[String]) -> impl fmt::Display + use<> {
    if said.is_empty() { String::new() } else { format!("; it said: {}", said.join(" | ")) }
}

#[cfg(test)]
mod tests;

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
use super::os_process::{OsProcess, ending, shown};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

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
    let failed = |reason, said| HookError { path: path.clone(), reason, said };
    let started = start(&path, layout.root(), hook, about);
    let mut process = started.map_err(|error| failed(Reason::Start(error), Vec::new()))?;
    match process.end(timeout) {
        Ok(Some(status)) if status.success() => Ok(()),
        Ok(Some(status)) => Err(failed(Reason::Ended(ending(status)), process.last_lines())),
        Ok(None) => Err(failed(Reason::Time(timeout), process.last_lines())),
        Err(error) => Err(failed(Reason::Wait(error), process.last_lines())),
    }
}

fn start(path: &Path, root: &Path, hook: Hook, about: &About<'_>) -> io::Result<OsProcess> {
    let mut command = Command::new(path);
    command.current_dir(root).stdin(Stdio::null());
    command.env("CARGO_SYSTEM_HOOK", hook.name()).env("CARGO_SYSTEM_ROOT", root);
    command.env("CARGO_SYSTEM_NAME", about.name).env("CARGO_SYSTEM_FROM", about.from);
    command.env("CARGO_SYSTEM_TO", about.to).env("CARGO_SYSTEM_OUTCOME", about.outcome);
    OsProcess::start(command)
}

#[cfg(test)]
mod tests;

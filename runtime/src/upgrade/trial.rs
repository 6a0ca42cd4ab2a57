//! Tries a plugin's initialisation in an OS process of its own, before it is loaded here.
//!
//! Until its first process runs, a plugin's code has nothing around it that could contain it: an `abort`, a stack that is used up, or memory without end
//! would be the node's. So they happen to somebody else first. What ends well there is done again here; what ends with a reason is refused for it, and
//! nothing of it was loaded.
//!
//! The OS process is this one's executable (`describe --begin`, see `node/describe.rs`), with limits of its own.

use crate::release::os_process::{OsProcess, ending, shown};
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// This executable, wherever its file has gone.
const OWN_EXECUTABLE: &str = "/proc/self/exe";
/// What a command of ours says before why it has failed.
const FAILED: &str = "error: ";
pub(super) const HINT: &str =
    "mend what the application does before its processes run, and try again: much work, or memory, is for a process";

/// Initialises the plugin in that file, with that configuration, JSON, as far as it can be done without running a process.
///
/// # Errors
/// Why that cannot be, or has not ended well within that time.
pub(super) fn initialise(file: &Path, plugin: &str, config: &[u8], time: Duration) -> Result<(), String> {
    let failed = |error: io::Error| format!("{plugin}: its initialisation cannot be tried in an OS process: {error}");
    let mut process = start(file, config).map_err(failed)?;
    let status = process.end(time).map_err(failed)?;
    let said = process.last_lines();
    match status {
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(reason(&said).unwrap_or_else(|| {
            format!("{plugin}: the OS process that tried its initialisation {}{}", ending(status), shown(&said))
        })),
        None => Err(format!("{plugin}: its initialisation has not come back within {time:.0?}{}", shown(&said))),
    }
}

fn start(file: &Path, config: &[u8]) -> io::Result<OsProcess> {
    // In memory, so that nobody waits for a reader.
    let mut input = File::from(memfd_create("config", MemfdFlags::CLOEXEC)?);
    input.write_all(config)?;
    input.rewind()?;
    let mut command = Command::new(OWN_EXECUTABLE);
    command.args(["describe", "--begin"]).arg(file).stdin(Stdio::from(input));
    OsProcess::start(command)
}

/// Why, if it was able to say so itself.
fn reason(said: &[String]) -> Option<String> {
    said.iter().rev().find_map(|line| line.strip_prefix(FAILED)).map(str::to_owned)
}

//! A node in the background: without a terminal, and without anybody who reads what it writes.

use crate::log;
use plugin_abi::abi::LOG_WARN;
use std::fs::File;
use std::io;

/// Leaves the session, and with it its terminal. For an OS process that leads no group: one that was just started by another.
///
/// # Errors
/// It leads one.
pub fn detach() -> io::Result<()> {
    Ok(rustix::process::setsid().map(drop)?)
}

/// From here on nobody reads what goes to stderr: whoever has started the node has gone, and what a plugin writes there would fill a disk. The log
/// goes elsewhere.
pub(super) fn silence() {
    let silenced =
        File::options().write(true).open("/dev/null").and_then(|null| Ok(rustix::stdio::dup2_stderr(&null)?));
    if let Err(error) = silenced {
        log::host(LOG_WARN, "node", &format!("what is written to stderr cannot be turned away: {error}"));
    }
}

//! What an OS process takes of the machine's memory.

use anyhow::{Context, Result};

/// What of it is resident, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident_kib(os_pid: u32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{os_pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a resident size")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

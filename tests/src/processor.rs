//! What an OS process takes of the machine's processors.

use anyhow::{Context, Result};
use std::time::Duration;

/// Processor time that its threads have used, of those that there are.
///
/// # Errors
/// When there is no such process.
pub fn time(os_pid: u32) -> Result<Duration> {
    let mut all = Duration::ZERO;
    for thread in std::fs::read_dir(format!("/proc/{os_pid}/task"))? {
        // One that has just ended has used what it has.
        let Ok(said) = std::fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let nanoseconds = said.split(' ').next().and_then(|word| word.parse().ok());
        all += Duration::from_nanos(nanoseconds.with_context(|| format!("a thread's times are {said:?}"))?);
    }
    Ok(all)
}

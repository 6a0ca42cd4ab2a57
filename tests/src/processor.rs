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

/// The same with that of threads that have ended, in hundredths of a second, as `/proc` counts it for programs.
///
/// # Errors
/// When there is no such process.
pub fn time_in_all(os_pid: u32) -> Result<Duration> {
    const TICK: Duration = Duration::from_millis(10);
    let said = std::fs::read_to_string(format!("/proc/{os_pid}/stat"))?;
    // Its name may have anything in it. Behind it: proc_pid_stat(5), from the third field on; utime and stime are 14 and 15.
    let (_, fields) = said.rsplit_once(')').with_context(|| format!("a process's times are {said:?}"))?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
    Ok(TICK * ticks)
}

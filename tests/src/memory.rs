//! What an OS process takes of the machine: memory, and processor time.

use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;

/// What of it is resident, in KiB.
///
/// # Errors
/// When there is no such process.
pub fn resident_kib(os_pid: u32) -> Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{os_pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a resident size")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// In which `/proc` counts time, on every Linux on x86-64.
const TICKS_A_SECOND: f64 = 100.0;
/// In which it counts a thread's, where the scheduler keeps it.
const NANOSECONDS_A_SECOND: f64 = 1e9;

/// Processor time that it has used, its own and the kernel's for it, in steps of a tick.
///
/// # Errors
/// When there is no such process.
pub fn processor_seconds(os_pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{os_pid}/stat"))?;
    // Behind the name, which may have any sign in it: utime and stime are the 14th and 15th field of all.
    let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

/// The same of each of its threads that have not ended, by the kernel's number, to the nanosecond.
///
/// # Errors
/// When there is no such process, or the kernel does not count this.
pub fn processor_seconds_by_thread(os_pid: u32) -> Result<BTreeMap<String, f64>> {
    let threads = std::fs::read_dir(format!("/proc/{os_pid}/task"))?;
    // One may end meanwhile.
    let seconds = |thread: std::fs::DirEntry| {
        // The first of proc_pid_schedstat(5)'s numbers: time spent on a processor.
        let schedstat = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        let used = schedstat.split(' ').next()?.parse::<f64>().ok()? / NANOSECONDS_A_SECOND;
        Some((thread.file_name().to_string_lossy().into_owned(), used))
    };
    let seconds: BTreeMap<_, _> = threads.filter_map(|thread| seconds(thread.ok()?)).collect();
    ensure!(!seconds.is_empty(), "this kernel does not say what a thread has used");
    Ok(seconds)
}

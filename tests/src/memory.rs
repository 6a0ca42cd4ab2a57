//! What an OS process takes of the machine: memory, and processor time.

use anyhow::{Context, Result};
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

/// Processor time that it has used, its own and the kernel's for it.
///
/// # Errors
/// When there is no such process.
pub fn processor_seconds(os_pid: u32) -> Result<f64> {
    used(&format!("/proc/{os_pid}"))
}

/// The same of each of its threads, by the kernel's number.
///
/// # Errors
/// When there is no such process.
pub fn processor_seconds_by_thread(os_pid: u32) -> Result<BTreeMap<String, f64>> {
    let threads = std::fs::read_dir(format!("/proc/{os_pid}/task"))?;
    // One may end meanwhile.
    let seconds = |thread: std::fs::DirEntry| {
        let used = used(&thread.path().display().to_string()).ok()?;
        Some((thread.file_name().to_string_lossy().into_owned(), used))
    };
    Ok(threads.filter_map(|thread| seconds(thread.ok()?)).collect())
}

fn used(folder: &str) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("{folder}/stat"))?;
    // Behind the name, which may have any sign in it: utime and stime are the 14th and 15th field of all.
    let (_, fields) = stat.rsplit_once(')').context("a name in brackets")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / TICKS_A_SECOND)
}

//! A person ends a process.

use super::{NoProcess, list};
use crate::process::Reason;
use crate::protocol::Killed;
use crate::scheduler;
use plugin_abi::abi::{EXIT_ERROR, EXIT_SHUTDOWN};
use std::time::{Duration, Instant};

/// How long the answer waits for the end: as a rule it comes within microseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_micros(200);
/// A reason is no longer.
const REASON_LEN_MAX: usize = 1_000;

/// Without a reason the process is killed, whatever it does, unless too many threads are frozen already to freeze its own; with one it gets an exit signal, which it may trap.
pub(crate) fn kill(pid: &str, reason: Option<&str>) -> Result<Killed, NoProcess> {
    let process = list::find(pid)?;
    if process.image().context.id == 0 {
        return Err(NoProcess::Own(process.pid().to_string()));
    }
    match reason {
        None | Some("kill" | "killed") => {
            if !scheduler::kill(process.process()) {
                return Err(NoProcess::Unstoppable(process.pid().to_string()));
            }
        }
        Some("shutdown") => {
            scheduler::signal(process.process(), None, Reason { code: EXIT_SHUTDOWN, detail: None });
        }
        Some(text) => {
            let detail: String = text.chars().take(REASON_LEN_MAX).collect();
            scheduler::signal(process.process(), None, Reason { code: EXIT_ERROR, detail: Some(detail.into()) });
        }
    }
    let begun = Instant::now();
    while process.state.is_alive() && begun.elapsed() < PATIENCE {
        std::thread::sleep(LOOK);
    }
    Ok(Killed {
        pid: process.pid().to_string(),
        process_type: process.type_name().to_owned(),
        has_ended: !process.state.is_alive(),
    })
}

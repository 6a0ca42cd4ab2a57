//! The node as its operator sees it, asked by an application of its own: what `cargo system status`, `top`, `stack`, `trace` and `history` show.
//!
//! Each question is a talk of its own over a socket; the node answers it on a thread of its own, so that nothing here holds up a scheduler. A question
//! waits for its answer: a session or server that moves should leave it to a process that it spawns.
//!
//! ```
//! # use std::time::Duration;
//! # async fn example() -> Result<(), plugin_abi::inside::Error> {
//! let top = plugin_abi::inside::top(Duration::from_secs(1), 1).await?;
//! for process in top.processes {
//!     let stack = plugin_abi::inside::stack(process.pid).await?;
//!     tracing::info!(pid = %process.pid, frames = ?stack.stacks, "the one that uses most");
//! }
//! # Ok(())
//! # }
//! ```

mod talk;
mod types;

pub use talk::Error;
pub use types::{Frame, History, PastUpgrade, Pauses, Process, ProcessType, Stack, Status, Top, Traced, Version};

use crate::process::Pid;
use serde::de::IgnoredAny;
use serde_json::json;
use std::time::Duration;
use talk::ask;

/// Answers that take no time of their own come within this.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the node runs.
///
/// # Errors
/// See [`Error`].
///
/// # Panics
/// Outside of a process.
pub async fn status() -> Result<Status, Error> {
    ask(json!({ "command": "status" }), PATIENCE, |_: IgnoredAny| {}).await
}

/// The processes that use most processor time in that interval, so many of them.
///
/// # Errors
/// See [`Error`].
///
/// # Panics
/// Outside of a process.
pub async fn top(interval: Duration, limit: u32) -> Result<Top, Error> {
    let request = json!({ "command": "top", "interval_ms": ms(interval), "sort": "cpu", "limit": limit });
    ask(request, interval + PATIENCE, |_: IgnoredAny| {}).await
}

/// What is known of a process.
///
/// # Errors
/// See [`Error`]: it is dead, say.
///
/// # Panics
/// Outside of a process.
pub async fn info(pid: Pid) -> Result<Process, Error> {
    ask(json!({ "command": "info", "pid": pid }), PATIENCE, |_: IgnoredAny| {}).await
}

/// Where a process stands, by function, file and line.
///
/// # Errors
/// See [`Error`]: it is dead, say.
///
/// # Panics
/// Outside of a process.
pub async fn stack(pid: Pid) -> Result<Stack, Error> {
    ask(json!({ "command": "stack", "pid": pid }), PATIENCE, |_: IgnoredAny| {}).await
}

/// What happens to a process, for so long and so many events at the most.
///
/// # Errors
/// See [`Error`]: it is dead, say.
///
/// # Panics
/// Outside of a process.
pub async fn trace(pid: Pid, time: Duration, count: u32) -> Result<Vec<Traced>, Error> {
    let mut all = Vec::new();
    let request = json!({ "command": "trace", "pid": pid, "time_ms": ms(time), "count": count });
    let types::TraceEnd {} = ask(request, time + PATIENCE, |types::Happened { happened }| all.extend(happened)).await?;
    Ok(all)
}

/// The last upgrades and roll-backs, so many of them, and what came of each.
///
/// # Errors
/// See [`Error`].
///
/// # Panics
/// Outside of a process.
pub async fn history(count: u32) -> Result<History, Error> {
    ask(json!({ "command": "history", "count": count }), PATIENCE, |_: IgnoredAny| {}).await
}

/// Ends a process as `cargo system kill` does, and waits for its end. False: it goes on until it gives way.
///
/// # Errors
/// See [`Error`]: it is dead, say, or the node's own.
///
/// # Panics
/// Outside of a process.
pub async fn kill(pid: Pid) -> Result<bool, Error> {
    let types::Killed { has_ended } =
        ask(json!({ "command": "kill", "pid": pid }), PATIENCE, |_: IgnoredAny| {}).await?;
    Ok(has_ended)
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

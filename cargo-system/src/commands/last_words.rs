//! What a node has logged while its upgrade failed: the last lines, beside the failure itself.

use super::log;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::node_path::NodePath;
use runtime::protocol::{LogLevel, Logged};
use std::time::SystemTime;

/// So many lines, and no more of a stack than its process says in the first.
const COUNT: u32 = 8;

/// The same failure, with what the node has logged since then; where nothing was tried, the node has nothing to say. Where its log cannot be
/// read, the failure has to do.
pub(super) fn added(failure: Failure, node: &NodePath, since: SystemTime) -> Failure {
    if !matches!(failure.code, ExitCode::RolledBack | ExitCode::NotRolledBack) {
        return failure;
    }
    let events = log::last(node, COUNT, Some(LogLevel::Info)).unwrap_or_default();
    let words = rendered(&events, &humantime::format_rfc3339_millis(since).to_string());
    if words.is_empty() {
        return failure;
    }
    let before =
        failure.more.details.as_deref().map(|details| format!("{}\n\n", details.trim_end())).unwrap_or_default();
    let details = Some(format!("{before}the node's log:\n{words}").into_boxed_str());
    Failure { more: Box::new(More { details, ..*failure.more }), ..failure }
}

/// A line each. `since`: as events have it, to the millisecond and in UTC, so that text compares as time does.
fn rendered(events: &[Logged], since: &str) -> String {
    let since_then = events.iter().filter(|event| event.time.as_str() >= since);
    let first_lines = since_then.filter_map(|event| event.text(false).lines().next().map(|line| format!("  {line}\n")));
    first_lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_before_are_left_out_and_stacks_are_cut() {
        let event = |time: &str, message: &str| {
            serde_json::from_value::<Logged>(serde_json::json!({
                "time": time, "level": "error", "target": "upgrade", "message": message,
                "stack": [{ "function": "f" }]
            }))
            .expect("an event")
        };
        let events = [event("2026-11-30T15:00:34.474Z", "before"), event("2026-11-30T15:00:34.475Z", "then")];
        assert_eq!(
            rendered(&events, "2026-11-30T15:00:34.475Z"),
            "  2026-11-30T15:00:34.475Z ERROR host upgrade: then\n"
        );
    }
}

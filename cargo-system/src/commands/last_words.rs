//! What a node has logged while its upgrade failed: its own last lines and what applications warn of, beside the failure itself. What else
//! applications say is not for the logs and summaries of a CI system.

use super::log;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::node_path::NodePath;
use runtime::protocol::{LogLevel, Logged};
use std::time::SystemTime;

/// So many lines, and no more of a stack than its process says in the first.
const COUNT: usize = 8;
/// So many events are looked through for them.
const LOOKED_THROUGH: u32 = 500;

/// The same failure, with what the node has logged since then; where nothing was tried, the node has nothing to say. Where its log cannot be
/// read, the failure has to do.
pub(super) fn added(failure: Failure, node: &NodePath, since: SystemTime) -> Failure {
    if !matches!(failure.code, ExitCode::RolledBack | ExitCode::NotRolledBack) {
        return failure;
    }
    let events = log::last(node, LOOKED_THROUGH, Some(LogLevel::Info)).unwrap_or_default();
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
    let is_told = |event: &&Logged| event.version.is_none() || event.level <= LogLevel::Warn;
    let told: Vec<_> = events.iter().filter(|event| event.time.as_str() >= since).filter(is_told).collect();
    let last = &told[told.len().saturating_sub(COUNT)..];
    last.iter().filter_map(|event| event.text(false).lines().next().map(|line| format!("  {line}\n"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: &str, level: &str, version: Option<&str>, message: &str) -> Logged {
        let event = serde_json::json!({
            "time": format!("2026-11-30T15:00:34.{time}Z"), "level": level, "version": version, "target": "t", "message": message
        });
        serde_json::from_value(event).expect("an event")
    }

    #[test]
    fn what_was_before_and_what_applications_say_is_left_out_but_not_what_they_warn_of() {
        let events = [
            event("474", "error", None, "before"),
            event("475", "info", None, "then"),
            event("476", "info", Some("1.0.0"), "a request"),
            event("477", "warn", Some("1.0.0"), "no route"),
        ];
        let expected =
            "  2026-11-30T15:00:34.475Z INFO  host t: then\n  2026-11-30T15:00:34.477Z WARN  1.0.0 t: no route\n";
        assert_eq!(rendered(&events, "2026-11-30T15:00:34.475Z"), expected);
        let many: Vec<_> = (0..20).map(|number| event("475", "info", None, &number.to_string())).collect();
        let lines = rendered(&many, "2026-11-30T15:00:34.475Z");
        assert!(lines.lines().count() == COUNT && lines.ends_with(" 19\n"), "{lines}");
    }
}

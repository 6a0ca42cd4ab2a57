//! What the node runs and has run, as HTML.

use crate::html::escape;
use plugin_abi::inside::{Error, History, PastUpgrade, Status, Version};
use std::time::Duration;

/// Types of processes that are named for a version.
const TYPES_MAX: usize = 5;

pub(super) fn all(status: &Status, history: &History, now: Duration) -> String {
    format!("<div id=\"system\">{}{}{}</div>", figures(status), versions(status, history), past(history, now))
}

/// In place of what could not be looked at.
pub(super) fn failed(error: &Error) -> String {
    format!("<div id=\"system\"><p>{}</p></div>", escape(&error.to_string()))
}

fn figures(status: &Status) -> String {
    let Status { release, uptime_ms, memory_bytes, processes, frozen_threads, .. } = status;
    let figures = [
        ("serves", escape(release)),
        ("up", age(Duration::from_millis(*uptime_ms))),
        ("memory", format!("{} MB", memory_bytes / 1_000_000)),
        ("processes", processes.to_string()),
        ("frozen threads", frozen_threads.to_string()),
    ];
    let figures = figures.map(|(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    format!("<dl>{}</dl>", figures.concat())
}

fn versions(status: &Status, history: &History) -> String {
    let goes_on = history.in_progress.as_deref();
    let goes_on = goes_on.map(|to| format!("<p class=\"news\">an upgrade to {} goes on</p>", escape(to)));
    let versions: String = status.versions.iter().map(|version| self::version(version, status.processes)).collect();
    format!("<h2>Versions</h2>{}<ul class=\"list\">{versions}</ul>", goes_on.unwrap_or_default())
}

/// A version, and its share of all processes.
fn version(version: &Version, all: u64) -> String {
    let Version { plugin, version, state, processes, age_ms, process_types, .. } = version;
    let types = process_types.iter().take(TYPES_MAX);
    let types: Vec<_> = types.map(|kind| format!("{} {}", kind.processes, escape(&last(&kind.name)))).collect();
    format!(
        "<li class=\"version {state}\"><span><strong>{}</strong> {} {state}, {}</span>\
         <span class=\"number\">{processes} processes</span>\
         <progress max=\"{}\" value=\"{processes}\" aria-label=\"processes on {}\"></progress><small>{}</small></li>",
        escape(version),
        escape(plugin),
        age(Duration::from_millis(*age_ms)),
        all.max(1),
        escape(version),
        types.join(", "),
    )
}

/// The last part of a type's name.
fn last(name: &str) -> String {
    let path = name.split('<').next().unwrap_or(name);
    path.rsplit("::").find(|part| !part.starts_with('{')).unwrap_or(path).to_owned()
}

fn past(history: &History, now: Duration) -> String {
    if history.upgrades.is_empty() {
        return "<h2>History</h2><p>no upgrade has ended here yet</p>".to_owned();
    }
    let rows: String = history.upgrades.iter().map(|upgrade| row(upgrade, now)).collect();
    format!(
        "<h2>History</h2><table><thead><tr><th class=\"number\">no<th>when<th>to<th>outcome<th class=\"number\">took\
         <th class=\"number\">moved<th class=\"number\">longest pause</tr></thead><tbody>{rows}</tbody></table>"
    )
}

fn row(upgrade: &PastUpgrade, now: Duration) -> String {
    let PastUpgrade { number, is_rollback, at_ms, to, outcome, took_us, message, pauses, migrated, .. } = upgrade;
    let when = age(now.saturating_sub(Duration::from_millis(*at_ms)));
    let what = if *is_rollback { format!("rollback {outcome}") } else { outcome.clone() };
    let took = took_us.map(|us| format!("{:.1?}", Duration::from_micros(us))).unwrap_or_default();
    let pause = pauses.map(|pauses| format!("{:.1?}", Duration::from_nanos(pauses.max_ns))).unwrap_or_default();
    format!(
        "<tr><td class=\"number\">{number}<td>{when} ago<td>{}<td title=\"{}\">{}<td class=\"number\">{took}\
         <td class=\"number\">{migrated}<td class=\"number\">{pause}</tr>",
        escape(to),
        escape(message.as_deref().unwrap_or_default()),
        escape(&what),
    )
}

/// For people: the two greatest units are enough.
fn age(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_units() {
        let age = |seconds| age(Duration::from_secs(seconds));
        assert_eq!([age(0), age(61), age(3720), age(90_000)], ["0 s", "1 min 1 s", "1 h 2 min", "1 d 1 h"]);
    }

    #[test]
    fn a_type_is_known_by_its_last_name() {
        assert_eq!(last("example_app::load::job::Job"), "Job");
        assert_eq!(last("example_app::calculation::start<a::B>::{{closure}}"), "start");
    }

    #[test]
    fn markup_in_a_message_is_text() {
        let text = r#"{"number":1,"is_rollback":false,"at_ms":0,"from":null,"to":"1.0.0","outcome":"refused","took_us":5,
            "message":"<b>","pauses":null,"migrated":0,"drained":0,"by":null}"#;
        let upgrade = serde_json::from_str(text).expect("an upgrade");
        let shown = row(&upgrade, Duration::from_secs(61));
        assert!(shown.contains("&lt;b&gt;") && shown.contains("1 min 1 s ago"), "{shown}");
    }
}

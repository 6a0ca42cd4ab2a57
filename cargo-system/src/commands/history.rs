//! `history`: which upgrades were tried in a node's folder, and what came of them. Read from disk, so that it needs no node.

use super::releases::read;
use crate::answers::{self, Answer};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::pauses;
use crate::table::table;
use runtime::protocol::Pauses;
use runtime::release::history::{Attempt, By, Entry, Kind, Outcome};
use runtime::release::store::Store;
use std::time::{Duration, UNIX_EPOCH};

/// Where a time cannot be shown.
const UNKNOWN: &str = "?";

pub(super) fn history(context: &Context, count: usize) -> Result<(), Failure> {
    let node = context.node()?;
    let store = Store::new(node.layout.clone());
    let (record, _) = read(&node, &store)?;
    let entries: Vec<&Entry> = record.history.iter().rev().take(count).collect();
    // Without a node, nobody goes on with it: the next one will say that it crashed.
    let in_progress = record.in_progress.as_ref();
    if context.json() {
        let goes_on = in_progress.is_some() && node.is_running()?;
        output::json(Answer::History(answers::History {
            root: node.root().to_string(),
            in_progress: in_progress.cloned(),
            node_runs: goes_on,
            history: entries.into_iter().cloned().collect(),
        }));
        return Ok(());
    }
    if let Some(attempt) = in_progress {
        output::note(&unfinished(attempt, node.is_running()?));
    }
    if entries.is_empty() {
        output::note("no upgrade has ended here yet");
    } else {
        output::line(render(&entries).trim_end());
    }
    Ok(())
}

fn unfinished(attempt: &Attempt, is_running: bool) -> String {
    let Attempt { number, to, step, .. } = attempt;
    if is_running {
        format!("{number}: the upgrade to {to} is in progress, in the step {step}")
    } else {
        format!("{number}: the node died while it upgraded to {to}, in the step {step}")
    }
}

fn render(entries: &[&Entry]) -> String {
    let rows: Vec<_> = entries.iter().map(|entry| row(entry)).collect();
    let table = table(["NO", "WHEN", "FROM", "TO", "OUTCOME", "TOOK", "BY"], &rows);
    let mut lines = table.lines();
    let mut text = lines.next().map(|head| format!("{head}\n")).unwrap_or_default();
    for (line, entry) in lines.zip(entries) {
        text.push_str(line);
        text.push('\n');
        for detail in details(entry) {
            text.push_str("    ");
            text.push_str(&detail);
            text.push('\n');
        }
    }
    text
}

fn row(entry: &Entry) -> [String; 7] {
    let Attempt { number, by, at_ms, from, to, kind, .. } = &entry.attempt;
    let from = from.as_ref().map(ToString::to_string).unwrap_or_default();
    let took = entry.took_us.map(|us| format!("{:.1?}", Duration::from_micros(us))).unwrap_or_default();
    let back = if *kind == Kind::Rollback { "rollback " } else { "" };
    let outcome = format!("{back}{}", entry.outcome.name());
    [number.to_string(), when(*at_ms), from, to.to_string(), outcome, took, who(by)]
}

fn when(at_ms: u64) -> String {
    // Later than the year 9999 there is no way to write it.
    const LAST_MS: u64 = 253_402_300_799_000;
    if at_ms > LAST_MS {
        return UNKNOWN.to_owned();
    }
    humantime::format_rfc3339_seconds(UNIX_EPOCH + Duration::from_millis(at_ms)).to_string()
}

fn who(by: &By) -> String {
    let user = match (&by.user, by.uid) {
        (Some(user), _) => printable(user),
        (None, Some(uid)) => format!("user {uid}"),
        (None, None) => "the node".to_owned(),
    };
    match &by.client {
        Some(client) => format!("{user}, {}", printable(client)),
        None => user,
    }
}

/// What does not fit a line, each a line of its own.
fn details(entry: &Entry) -> Vec<String> {
    let mut details = Vec::new();
    if let Some(message) = &entry.message {
        let step = match entry.outcome {
            Outcome::Done => String::new(),
            _ => format!("{}: ", printable(&entry.attempt.step)),
        };
        details.push(format!("{step}{}", printable(message)));
    }
    if entry.migrated > 0 || entry.drained > 0 {
        details.push(format!("{} processes migrated, {} left to drain", entry.migrated, entry.drained));
    }
    if let Some(pauses) = &entry.pauses {
        let Pauses { count, p50_ns, p99_ns, max_ns, .. } = pauses;
        let [p50, p99, max] = [*p50_ns, *p99_ns, *max_ns].map(Duration::from_nanos);
        details.push(format!("{count} pauses: p50 {p50:.1?}, p99 {p99:.1?}, longest {max:.1?}"));
        if !pauses.buckets.is_empty() {
            details.push(format!("pauses up to: {}", pauses::histogram(pauses)));
        }
    }
    details
}

/// On one line, and nothing that speaks to the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, outcome: Outcome) -> Entry {
        let by = By { uid: Some(1000), user: Some("app".to_owned()), os_pid: None, client: None };
        let attempt = Attempt {
            number,
            kind: Kind::Upgrade,
            by,
            at_ms: 1_700_000_000_000,
            from: Some("0.1.0+00c0ffee".parse().expect("a version")),
            to: "0.1.1+3f2a91bc".parse().expect("a version"),
            step: "move".to_owned(),
        };
        Entry { attempt, outcome, took_us: Some(1500), message: None, pauses: None, migrated: 0, drained: 0 }
    }

    #[test]
    fn an_entry_says_who_when_from_to_and_what_came_of_it() {
        let mut done =
            Entry { pauses: Some(pauses::sample()), migrated: 10_000, drained: 7, ..entry(12, Outcome::Done) };
        done.attempt.by.client = Some("cargo-system 0.1.0".to_owned());
        let message = Some("process 7421 cannot be converted:\x1b[31m no".to_owned());
        let mut back = Entry { message, ..entry(9, Outcome::RolledBack) };
        back.attempt.kind = Kind::Rollback;
        back.attempt.at_ms = u64::MAX;
        let message = Some("the node died before it had finished".to_owned());
        let mut crashed = Entry { message, took_us: None, ..entry(8, Outcome::Crashed) };
        crashed.attempt.by = By::default();
        let expected = "\
NO  WHEN                  FROM            TO              OUTCOME               TOOK   BY
12  2023-11-14T22:13:20Z  0.1.0+00c0ffee  0.1.1+3f2a91bc  done                  1.5ms  app, cargo-system 0.1.0
    10000 processes migrated, 7 left to drain
    10000 pauses: p50 12.3µs, p99 85.0µs, longest 400.0µs
    pauses up to: 5µs 812 · 20µs 9100 · 500µs 88
9   ?                     0.1.0+00c0ffee  0.1.1+3f2a91bc  rollback rolled back  1.5ms  app
    move: process 7421 cannot be converted: [31m no
8   2023-11-14T22:13:20Z  0.1.0+00c0ffee  0.1.1+3f2a91bc  crashed                      the node
    move: the node died before it had finished
";
        assert_eq!(render(&[&done, &back, &crashed]), expected);
    }

    #[test]
    fn what_is_unfinished_is_in_progress_or_crashed() {
        let attempt = entry(3, Outcome::Done).attempt;
        assert_eq!(unfinished(&attempt, true), "3: the upgrade to 0.1.1+3f2a91bc is in progress, in the step move");
        assert_eq!(
            unfinished(&attempt, false),
            "3: the node died while it upgraded to 0.1.1+3f2a91bc, in the step move"
        );
    }
}

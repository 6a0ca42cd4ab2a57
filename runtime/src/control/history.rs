//! Answers about what was: the upgrades that were tried, as the record has them.

use super::connection::{hinted, write};
use super::server::Controlled;
use crate::protocol::{History, Outcome, PastUpgrade, Reply};
use crate::release::history::{Entry, Kind};
use std::io;
use std::os::unix::net::UnixStream;

pub(super) fn history(stream: &UnixStream, controlled: &Controlled, count: u32) -> io::Result<()> {
    let record = match controlled.versions.store().record() {
        Ok(record) => record,
        Err(error) => {
            let message = format!("the history cannot be read: {error}");
            return write(stream, &Reply::Failed(hinted(&message, error.hint())));
        }
    };
    let upgrades = record.history.iter().rev().take(count as usize).map(past).collect();
    let in_progress = record.in_progress.map(|attempt| attempt.to.to_string());
    write(stream, &Reply::Done(Outcome::History(History { in_progress, upgrades })))
}

fn past(entry: &Entry) -> PastUpgrade {
    let Entry { attempt, outcome, took_us, message, pauses, migrated, drained } = entry.clone();
    PastUpgrade {
        number: attempt.number,
        is_rollback: attempt.kind == Kind::Rollback,
        at_ms: attempt.at_ms,
        from: attempt.from.map(|version| version.to_string()),
        to: attempt.to.to_string(),
        outcome: outcome.name().to_owned(),
        took_us,
        message,
        pauses,
        migrated,
        drained,
        by: attempt.by.user,
    }
}

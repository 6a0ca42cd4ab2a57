//! A release's own command on another machine: asked, heard, and asked again when the connection breaks.
//!
//! ```text
//! upgrade ─► events … ─► outcome
//!               └─ lost: the node goes on ─► what does its history say? a few times ─┬─ rolled back, or failed: 10, 11; it is not tried again
//!                                                                                    ├─ anything else ─► the same command ─┬─ joins it ─► … ─► outcome
//!                                                                                    │                                     ├─ nothing to do: it is done
//!                                                                                    │                                     └─ refused: the history again
//!                                                                                    └─ no way there: 12
//! ```
//!
//! Of the history, only what is younger than the look before the command counts: what was rolled back yesterday is another attempt.

use super::look::last_line;
use super::script::{CALL, CLEAN, NO_FOLDER, NO_NODE, SEVERAL, WATCHED_CALL};
use super::send::wait;
use super::ssh::{Connection, Ended, News};
use crate::answers::Found;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use serde_json::Value;
use std::iter;
use std::time::Duration;

/// So often it is tried to come through again, after these pauses.
pub(super) const AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// What only reads or removes has ended within this time.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// Of the history: others may have tried something, too.
const HISTORY_LEN: &str = "16";

/// An upgrade that is wanted of a node.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Its command.
    pub(crate) name: &'a str,
    /// The release.
    pub(crate) version: &'a str,
    /// `upgrade` and its options, but for `--force`.
    pub(crate) words: Vec<String>,
    /// Also to a release that was rolled back. Not when it is joined: it may just have been rolled back.
    pub(crate) force: bool,
    /// The last attempt that had ended before, by its number; `None`: it is only planned, and nothing is tried.
    pub(crate) since: Option<u64>,
    /// The node may be silent for so long.
    pub(crate) patience: Duration,
}

/// What comes in.
pub(crate) enum Heard<'a> {
    Event(&'a Value),
    /// The connection broke, for that reason.
    Lost(&'a str),
}

impl Connection {
    /// Upgrades, and returns the outcome.
    pub(crate) fn upgrade(&self, asked: &Asked<'_>, show: &mut dyn FnMut(Heard<'_>)) -> Result<Value, Failure> {
        let (mut force, mut is_lost) = (asked.force, false);
        let mut pauses = AGAIN.into_iter();
        loop {
            let mut words = asked.words.clone();
            words.extend(force.then(|| "--force".to_owned()));
            let mut was_heard = false;
            let ended = self.ask(asked.name, &words, asked.patience, &mut |heard| {
                was_heard = true;
                show(heard);
            })?;
            match ended {
                (Ended::Code(0, _), Some(outcome)) => return Ok(outcome),
                (Ended::Code(code, said), outcome) => {
                    let failure = failure(code, outcome, &said);
                    let is_late = is_lost && failure.code == ExitCode::Refused;
                    return Err(if is_late { self.explained(asked, failure) } else { failure });
                }
                (Ended::Lost(said), _) => {
                    let tried = self.come_back(asked, said, &mut pauses, show)?;
                    if let Some(failure) = tried.as_ref().and_then(failed) {
                        return Err(Failure { serving: self.running(asked.name), ..failure });
                    }
                    is_lost = true;
                    // A connection that broke before anything had begun has not used it up; nor does a plan.
                    force &= asked.since.is_none() || !was_heard && tried.is_none();
                }
            }
        }
    }

    /// Comes through again, and returns the attempt that was made meanwhile, if one was.
    fn come_back(
        &self,
        asked: &Asked<'_>,
        mut said: String,
        pauses: &mut impl Iterator<Item = Duration>,
        show: &mut dyn FnMut(Heard<'_>),
    ) -> Result<Option<Value>, Failure> {
        loop {
            let reason = last_line(&said);
            let Some(pause) = pauses.next() else { return Err(self.lost(asked.version, reason)) };
            show(Heard::Lost(reason));
            wait(pause)?;
            match self.history(asked)? {
                (Ended::Lost(again), _) => said = again,
                (_, history) => return Ok(history.and_then(|history| tried(&history, asked))),
            }
        }
    }

    /// The connection is gone, and the node goes on.
    fn lost(&self, version: &str, reason: &str) -> Failure {
        let address = &self.address;
        let message = format!(
            "the connection to {address} was lost while it upgraded to {version}, which goes on there: {reason}"
        );
        Failure::new(ExitCode::TimedOut, message).hint(format!(
            "the same command joins it again, or says that there is nothing to do; cargo system status --node {} shows what runs",
            address.word()
        ))
    }

    /// What was refused as it was joined may have been rolled back before: the history knows.
    fn explained(&self, asked: &Asked<'_>, failure: Failure) -> Failure {
        let history = self.history(asked).ok().and_then(|(_, history)| history);
        match history.and_then(|history| tried(&history, asked)).as_ref().and_then(failed) {
            Some(known) => Failure { serving: failure.serving, ..known },
            None => failure,
        }
    }

    fn history(&self, asked: &Asked<'_>) -> Result<(Ended, Option<Value>), Failure> {
        let words = ["history", "--count", HISTORY_LEN, "--json"].map(str::to_owned);
        self.ask(asked.name, &words, PATIENCE, &mut |_| ())
    }

    /// The version that serves there now, if that can be said.
    pub(super) fn running(&self, name: &str) -> Option<String> {
        let words = ["version", "--json"].map(str::to_owned);
        let (_, running) = self.ask(name, &words, PATIENCE, &mut |_| ()).ok()?;
        running?["version"].as_str().map(str::to_owned)
    }

    /// Removes what was sent into `base`. What cannot be removed now goes with the next upgrade to the same.
    pub(crate) fn clean(&self, base: &str) {
        let arguments = [self.address.path.as_str(), base];
        let _: Result<Ended, Failure> = self.call(CLEAN, &arguments, std::io::empty(), PATIENCE, &mut |_| ());
    }

    /// Calls the release's command with `--json` among its words: events, and the outcome, which is the last.
    pub(super) fn ask(
        &self,
        name: &str,
        words: &[String],
        patience: Duration,
        show: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(Ended, Option<Value>), Failure> {
        let arguments = [&[self.address.path.clone(), name.to_owned()], words].concat();
        self.hear(CALL, &arguments, patience, show)
    }

    pub(super) fn hear(
        &self,
        script: &str,
        arguments: &[String],
        patience: Duration,
        show: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(Ended, Option<Value>), Failure> {
        let mut outcome = None;
        let ended = self.call(script, arguments, std::io::empty(), patience, &mut |news| {
            let News::Line(line) = news else { return };
            // A login shell's own words are none of ours.
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if value["event"].is_string() => show(Heard::Event(&value)),
                Ok(value) if value.is_object() => outcome = Some(value),
                _ => {}
            }
        })?;
        Ok((ended, outcome))
    }

    /// The command with our streams; `is_read`: it reads standard input. Returns its exit code.
    pub(crate) fn pass_to(
        &self,
        name: &str,
        words: &[String],
        is_terminal: bool,
        is_read: bool,
    ) -> Result<u8, Failure> {
        let arguments = [&[self.address.path.clone(), name.to_owned()], words].concat();
        let is_watched = !is_terminal && !is_read;
        let code = self.pass(if is_watched { WATCHED_CALL } else { CALL }, &arguments, is_terminal, is_watched)?;
        match code {
            NO_FOLDER | NO_NODE | SEVERAL => Err(self.no_node(code)),
            code => Ok(code),
        }
    }

    fn no_node(&self, code: u8) -> Failure {
        let address = &self.address;
        let message = match code {
            SEVERAL => {
                return Failure::error(format!("{address} has several commands in bin/"))
                    .hint("name one with --package");
            }
            NO_FOLDER => format!("there is no folder {address}, or it may not be looked into"),
            _ => format!("{address} is no node's folder: there is no command of a release in its bin/"),
        };
        Failure::error(message)
            .hint(format!("cargo system deploy --node {} puts a release there and starts it", address.word()))
    }
}

/// The last attempt at that release, of those that were begun since: it goes on, or has ended. What was refused was none.
fn tried(history: &Value, asked: &Asked<'_>) -> Option<Value> {
    let ended = history["history"].as_array().into_iter().flatten();
    let mut attempts = iter::once(&history["in_progress"]).chain(ended);
    let is_it = |attempt: &&Value| {
        let is_new = asked.since.is_some_and(|since| attempt["number"].as_u64() > Some(since));
        is_new && attempt["to"] == asked.version && attempt["outcome"] != "refused"
    };
    attempts.find(is_it).cloned()
}

/// Why an attempt did not come about, if it has ended so.
fn failed(attempt: &Value) -> Option<Failure> {
    let code = match attempt["outcome"].as_str()? {
        "rolled-back" => ExitCode::RolledBack,
        "failed" | "crashed" => ExitCode::NotRolledBack,
        _ => return None,
    };
    let message = attempt["message"].as_str().unwrap_or("the history does not say why").to_owned();
    // The last step is known, and on the way back that is not the one that failed.
    let step = attempt["step"].as_str().filter(|step| *step != "roll-back").map(str::to_owned);
    Some(Failure { step, ..Failure::new(code, message) })
}

/// What the other side's command says, as our own.
pub(super) fn failure(code: u8, outcome: Option<Value>, said: &str) -> Failure {
    let Some(outcome) = outcome.filter(|outcome| outcome["message"].is_string()) else {
        let line = |prefix| said.lines().rev().find_map(|line| line.trim().strip_prefix(prefix));
        let message = line("error: ").unwrap_or_else(|| last_line(said));
        return Failure::new(failed_with(code), format!("the command there ended with {code}: {message}"))
            .hint(line("hint: ").unwrap_or("try it by hand there"));
    };
    let text = |key: &str| outcome[key].as_str().map(str::to_owned);
    // A plan that is refused comes with it.
    let found = serde_json::from_value(outcome.clone()).ok().map(Found::Preview);
    Failure {
        hint: text("hint"),
        step: text("step"),
        serving: text("serving"),
        more: Box::new(More { details: text("details").map(String::into_boxed_str), found, ..More::default() }),
        ..Failure::new(failed_with(code), text("message").unwrap_or_default())
    }
}

/// Who does not say what came of it has not done it, whatever it ended with.
fn failed_with(code: u8) -> ExitCode {
    match ExitCode::of(code) {
        ExitCode::Done => ExitCode::Error,
        code => code,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_failure_there_is_one_here() {
        let said = json!({
            "outcome": "failed", "exit_code": 10, "step": "move", "message": "it failed", "details": null,
            "hint": "mend it", "serving": "1.0.0+a",
        });
        let failure = failure(10, Some(said), "error: it failed");
        assert_eq!((failure.code, failure.message.as_str()), (ExitCode::RolledBack, "it failed"));
        assert_eq!(failure.hint.as_deref(), Some("mend it"));
        assert_eq!((failure.step.as_deref(), failure.serving.as_deref()), (Some("move"), Some("1.0.0+a")));
    }

    /// What became of `1.0.0+b`, since the third attempt.
    fn became(history: &Value) -> Option<(ExitCode, String)> {
        let asked = |since| Asked {
            name: "app",
            version: "1.0.0+b",
            words: Vec::new(),
            force: false,
            since,
            patience: PATIENCE,
        };
        assert_eq!(tried(history, &asked(None)), None, "a plan is no attempt");
        let failure = failed(&tried(history, &asked(Some(3)))?)?;
        Some((failure.code, failure.message))
    }

    /// Its message is its number.
    fn entry(number: u64, to: &str, outcome: &str) -> Value {
        json!({ "number": number, "to": to, "outcome": outcome, "message": number.to_string(), "step": "health" })
    }

    #[test]
    fn what_became_of_an_attempt_stands_behind_the_refusals_of_those_who_asked_again() {
        let history = |entries: &[Value]| json!({ "in_progress": null, "history": entries });
        let [refused, other] = [entry(6, "1.0.0+b", "refused"), entry(5, "1.0.0+c", "failed")];
        let back = |number| entry(number, "1.0.0+b", "rolled-back");
        let known = history(&[refused.clone(), other.clone(), back(4), back(3)]);
        assert_eq!(became(&known), Some((ExitCode::RolledBack, "4".to_owned())));
        assert_eq!(became(&history(&[refused, other, back(3)])), None, "yesterday's is another");
        let in_progress = json!({ "number": 5, "to": "1.0.0+b", "step": "health" });
        assert_eq!(became(&json!({ "in_progress": in_progress, "history": [back(4)] })), None, "it goes on");
        let of = |outcome| became(&history(&[entry(4, "1.0.0+b", outcome)])).map(|(code, _)| code);
        assert_eq!((of("failed"), of("done")), (Some(ExitCode::NotRolledBack), None));
        assert_eq!(of("crashed"), Some(ExitCode::NotRolledBack), "as who was with it when it died is told");
        assert_eq!(became(&json!({ "outcome": "failed" })), None, "nobody knows");
    }

    #[test]
    fn what_is_no_outcome_is_shown_as_it_was_said() {
        let older = failure(2, None, "error: unexpected argument '--wait' found\n\nUsage: bin/app\n");
        assert_eq!(older.code, ExitCode::Usage);
        assert_eq!(older.message, "the command there ended with 2: unexpected argument '--wait' found");
        assert_eq!(older.hint.as_deref(), Some("try it by hand there"));
        let advised = failure(1, None, "error: no room\nhint: make some\n");
        assert_eq!(advised.hint.as_deref(), Some("make some"));
        let silent = failure(0, None, "");
        assert_eq!(silent.code, ExitCode::Error, "nobody says that it is done");
        let broken = failure(127, None, "sh: 1: exec: /srv/app/bin/app: not found\n");
        assert_eq!(broken.code, ExitCode::Error);
        assert!(
            broken.message.ends_with("ended with 127: sh: 1: exec: /srv/app/bin/app: not found"),
            "{}",
            broken.message
        );
    }
}

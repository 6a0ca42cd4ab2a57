//! A release's own command on another machine: asked, heard, and asked again when the connection breaks.
//!
//! ```text
//! upgrade ─► events … ─► outcome
//!               └─ lost: the node goes on ─► the same command, a few times ─┬─ joins it ─► events … ─► outcome
//!                                                                           ├─ nothing to do: it is done
//!                                                                           ├─ refused, and the history says that it was rolled back: 10
//!                                                                           └─ no way there: 12
//! ```

use super::look::last_line;
use super::script::{BEGIN, CALL, CLEAN, NO_FOLDER, NO_NODE, SEVERAL, TAKEN, WATCHED_CALL};
use super::send::wait;
use super::ssh::{Connection, Ended, News};
use crate::answers::Found;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use serde_json::Value;
use std::time::Duration;

/// So often it is tried to join an upgrade again, after these pauses.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];
/// What only reads or removes has ended within this time.
const PATIENCE: Duration = Duration::from_secs(60);

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
        let mut force = asked.force;
        let mut pauses = AGAIN.into_iter();
        let mut is_lost = false;
        loop {
            let mut words = asked.words.clone();
            words.extend(std::mem::take(&mut force).then(|| "--force".to_owned()));
            match self.ask(asked.name, &words, asked.patience, show)? {
                (Ended::Code(0, _), Some(outcome)) => return Ok(outcome),
                (Ended::Code(code, said), outcome) => {
                    let failure = failure(code, outcome, &said);
                    let is_late = is_lost && failure.code == ExitCode::Refused;
                    return Err(if is_late { self.explained(asked, failure) } else { failure });
                }
                (Ended::Lost(said), _) => {
                    let reason = last_line(&said).to_owned();
                    let Some(pause) = pauses.next() else { return Err(self.lost(asked.version, &reason)) };
                    is_lost = true;
                    show(Heard::Lost(&reason));
                    wait(pause)?;
                }
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
        let words = ["history", "--count", "1", "--json"].map(str::to_owned);
        let Ok((Ended::Code(0, _), Some(history))) = self.ask(asked.name, &words, PATIENCE, &mut |_| ()) else {
            return failure;
        };
        let last = &history["history"][0];
        let code = match last["outcome"].as_str() {
            _ if last["to"] != asked.version => return failure,
            Some("rolled-back") => ExitCode::RolledBack,
            Some("failed") => ExitCode::NotRolledBack,
            _ => return failure,
        };
        let message = last["message"].as_str().unwrap_or("the history does not say why").to_owned();
        let step = last["step"].as_str().map(str::to_owned);
        Failure { step, serving: failure.serving, ..Failure::new(code, message) }
    }

    /// Starts a release whose record came into `base`, and returns what its command says of it.
    pub(crate) fn begin(&self, base: &str, name: &str, words: &[String], patience: Duration) -> Result<Value, Failure> {
        let arguments = [&[self.address.path.clone(), base.to_owned(), name.to_owned()], words].concat();
        self.started(BEGIN, name, &arguments, patience)
    }

    /// Starts the release that is there.
    pub(crate) fn start(&self, name: &str, words: &[String], patience: Duration) -> Result<Value, Failure> {
        let arguments = [&[self.address.path.clone(), name.to_owned()], words].concat();
        self.started(CALL, name, &arguments, patience)
    }

    fn started(&self, script: &str, name: &str, arguments: &[String], patience: Duration) -> Result<Value, Failure> {
        let address = &self.address;
        match self.hear(script, arguments, patience, &mut |_| ())? {
            (Ended::Code(0, _), Some(outcome)) => Ok(outcome),
            (Ended::Code(TAKEN, _), _) => {
                Err(Failure::error(format!("somebody else has just put a release into {address}"))
                    .hint("the same command upgrades it"))
            }
            (Ended::Code(code, said), outcome) => Err(failure(code, outcome, &said)),
            (Ended::Lost(said), _) => {
                // It goes on there, to its end.
                for pause in AGAIN {
                    wait(pause)?;
                    if let Ok(Some(answer)) =
                        self.look(name).map(|look| look.answer.filter(|answer| answer["version"].is_string()))
                    {
                        return Ok(answer);
                    }
                }
                let reason = last_line(&said);
                let message =
                    format!("the connection to {address} was lost while the node was started there: {reason}");
                Err(Failure::new(ExitCode::TimedOut, message)
                    .hint("the same command goes on from what has been done, or says that there is nothing to do"))
            }
        }
    }

    /// Removes what was sent. What cannot be removed now goes with the next upgrade.
    pub(crate) fn clean(&self) {
        let _: Result<Ended, Failure> =
            self.call(CLEAN, &[self.address.path.as_str()], std::io::empty(), PATIENCE, &mut |_| ());
    }

    /// Calls the release's command with `--json` among its words: events, and the outcome, which is the last.
    fn ask(
        &self,
        name: &str,
        words: &[String],
        patience: Duration,
        show: &mut dyn FnMut(Heard<'_>),
    ) -> Result<(Ended, Option<Value>), Failure> {
        let arguments = [&[self.address.path.clone(), name.to_owned()], words].concat();
        self.hear(CALL, &arguments, patience, show)
    }

    fn hear(
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

/// What the other side's command says, as our own.
fn failure(code: u8, outcome: Option<Value>, said: &str) -> Failure {
    let Some(outcome) = outcome.filter(|outcome| outcome["message"].is_string()) else {
        let error = said.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
        let message = error.unwrap_or_else(|| last_line(said));
        return Failure::new(ExitCode::of(code), format!("the command there ended with {code}: {message}"));
    };
    let text = |key: &str| outcome[key].as_str().map(str::to_owned);
    // A plan that is refused comes with it.
    let found = serde_json::from_value(outcome.clone()).ok().map(Found::Preview);
    Failure {
        hint: text("hint"),
        step: text("step"),
        serving: text("serving"),
        more: Box::new(More { details: text("details").map(String::into_boxed_str), found, ..More::default() }),
        ..Failure::new(ExitCode::of(code), text("message").unwrap_or_default())
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

    #[test]
    fn what_is_no_outcome_is_shown_as_it_was_said() {
        let older = failure(2, None, "error: unexpected argument '--wait' found\n\nUsage: bin/app\n");
        assert_eq!(older.code, ExitCode::Usage);
        assert_eq!(older.message, "the command there ended with 2: unexpected argument '--wait' found");
        let broken = failure(127, None, "sh: 1: exec: /srv/app/bin/app: not found\n");
        assert_eq!(broken.code, ExitCode::Error);
        assert!(
            broken.message.ends_with("ended with 127: sh: 1: exec: /srv/app/bin/app: not found"),
            "{}",
            broken.message
        );
    }
}

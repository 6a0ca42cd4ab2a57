//! A release's node on another machine, started by the release's own command.
//!
//! ```text
//! daemon ─┬─► serves, or does not: as it says
//!         └─ lost: it goes on there ─► what serves? a few times ─┬─ that release: it is done
//!                                                                ├─ another: somebody else was first
//!                                                                └─ nothing yet, or no way there: 12
//! ```

use super::attach::{AGAIN, PATIENCE, failure};
use super::look::last_line;
use super::script::{BEGIN, CALL, TAKEN};
use super::send::wait;
use super::ssh::{Connection, Ended};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use serde_json::{Value, json};
use std::time::Duration;

/// A node that is to be started.
#[derive(Debug)]
pub(crate) struct Starting<'a> {
    /// Its command.
    pub(crate) name: &'a str,
    /// The release.
    pub(crate) version: &'a str,
    /// `daemon` and its options.
    pub(crate) words: Vec<String>,
    /// The command may be silent for so long.
    pub(crate) patience: Duration,
}

impl Connection {
    /// Starts a release whose record came into `base`, and returns what its command says of it.
    pub(crate) fn begin(&self, base: &str, starting: &Starting<'_>) -> Result<Value, Failure> {
        self.started(BEGIN, &[self.address.path(), base, starting.name], starting)
    }

    /// Starts the release that is there.
    pub(crate) fn start(&self, starting: &Starting<'_>) -> Result<Value, Failure> {
        self.started(CALL, &[self.address.path(), starting.name], starting)
    }

    fn started(&self, script: &str, which: &[&str], starting: &Starting<'_>) -> Result<Value, Failure> {
        let words = starting.words.iter().map(String::as_str);
        let arguments: Vec<_> = which.iter().copied().chain(words).map(str::to_owned).collect();
        match self.hear(script, &arguments, starting.patience, &mut |_| ())? {
            (Ended::Code(0, _), Some(outcome)) => Ok(outcome),
            (Ended::Code(TAKEN, _), _) => Err(self.taken("somebody else has just put a release into")),
            (Ended::Code(code, said), outcome) => Err(failure(code, outcome, &said)),
            (Ended::Lost(said), _) => self.started_meanwhile(starting, last_line(&said)),
        }
    }

    fn taken(&self, what: &str) -> Failure {
        Failure::error(format!("{what} {}", self.address)).hint("the same command upgrades it")
    }

    /// It goes on there, to its end, and says nothing of it here.
    fn started_meanwhile(&self, starting: &Starting<'_>, reason: &str) -> Result<Value, Failure> {
        for pause in AGAIN {
            wait(pause)?;
            match self.running(starting.name) {
                Some(version) if version != starting.version => {
                    let what =
                        format!("{version} serves now, and not {}: somebody else was first at", starting.version);
                    return Err(self.taken(&what));
                }
                Some(version) => {
                    if let Some(os_pid) = self.os_pid(starting.name) {
                        return Ok(json!({ "name": starting.name, "version": version, "os_pid": os_pid }));
                    }
                }
                None => {}
            }
        }
        let message = format!("the connection to {} was lost while the node was started there: {reason}", self.address);
        Err(Failure::new(ExitCode::TimedOut, message)
            .hint("the same command goes on from what has been done, or says that there is nothing to do"))
    }

    /// The node's OS process, if it answers.
    fn os_pid(&self, name: &str) -> Option<u64> {
        let words = ["pid", "--json"].map(str::to_owned);
        let (_, process) = self.ask(name, &words, PATIENCE, &mut |_| ()).ok()?;
        process?["os_pid"].as_u64()
    }
}

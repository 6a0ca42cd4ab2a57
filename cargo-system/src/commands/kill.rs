//! `kill`: a person ends a process.

use super::version::{ask, something_else};
use crate::answers::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::{Command, Killed, Outcome};

pub(super) fn kill(context: &Context, pid: String, reason: Option<String>) -> Result<(), Failure> {
    let is_signal = reason.is_some();
    let Outcome::Killed(killed) = ask(context, Command::Kill { pid, reason })? else {
        return Err(something_else());
    };
    if context.json() {
        output::json(Answer::Killed(killed.clone()));
    } else if killed.has_ended {
        output::line(&format!("{} ({}) has ended", killed.pid, killed.process_type));
    }
    if killed.has_ended { Ok(()) } else { Err(lives(&killed, is_signal)) }
}

fn lives(killed: &Killed, is_signal: bool) -> Failure {
    let hint = if is_signal {
        "it may trap exits: without --reason it is killed"
    } else {
        "it stands where it cannot be stopped; cargo system stack shows where"
    };
    Failure::error(format!("{} ({}) has not ended yet", killed.pid, killed.process_type)).hint(hint)
}

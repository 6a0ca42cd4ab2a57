//! `console` and `eval`: expressions that the node evaluates.
//!
//! On a terminal with line editing, history and completion; otherwise, and on one that can only write line after line, what comes on standard input is
//! evaluated, an expression at a time, and the first that fails, or is interrupted, ends it.

mod editor;
mod input;
mod value;

use crate::answers::Answer;
use crate::client::{Session, connect};
use crate::context::Context;
use crate::failure::Failure;
use crate::{hints, interrupt, output};
use input::Lines;
use runtime::protocol::ConsoleOutput;
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use value::Look;

/// The node gives no expression more, whatever is asked for.
const TIME_MAX: Duration = Duration::from_secs(60);
/// How it begins when an expression names what is not there.
const UNKNOWN: [&str; 2] = ["Function not found", "Variable not found"];

pub(super) fn console(context: &Context) -> Result<(), Failure> {
    let session = Session::open(connect(&context.node()?)?)?;
    if io::stdin().is_terminal() && io::stdout().is_terminal() && !context.json() && !output::is_dumb() {
        editor::talk(session)
    } else {
        piped(context, session)
    }
}

pub(super) fn eval(context: &Context, text: &str, timeout: Option<Duration>) -> Result<(), Failure> {
    let mut session = Session::open(connect(&context.node()?)?)?;
    evaluate(context, &mut session, text, timeout)
}

/// `timeout`: the time that it was given, if it was less than it may have.
fn failed(message: String, is_broken_off: bool, timeout: Option<Duration>) -> Failure {
    let is_unknown = UNKNOWN.iter().any(|unknown| message.starts_with(unknown));
    let is_short = timeout.is_some_and(|timeout| timeout < TIME_MAX);
    let failure = Failure::error(message);
    match (is_broken_off, is_unknown) {
        (true, _) if is_short => failure.hint("give it more time with --timeout, 60 s at the most"),
        (true, _) => failure.hint("an expression has 60 s at the most: ask for less at a time"),
        (false, true) => failure.hint("help() lists what can be called"),
        (false, false) => failure,
    }
}

/// Line by line; lines whose brackets are open belong together.
fn piped(context: &Context, mut session: Session) -> Result<(), Failure> {
    let (mut text, mut lines) = (String::new(), Lines::default());
    while let Some(line) = lines.next()? {
        text.push_str(&line);
        if editor::is_complete(&text) {
            let expression = std::mem::take(&mut text);
            if !expression.trim().is_empty() {
                evaluate(context, &mut session, &expression, None)?;
            }
        }
    }
    if text.trim().is_empty() { Ok(()) } else { evaluate(context, &mut session, &text, None) }
}

fn evaluate(context: &Context, session: &mut Session, text: &str, timeout: Option<Duration>) -> Result<(), Failure> {
    // With --json, standard output has values alone.
    let printed = |text: &str| if context.json() { output::note(text) } else { output::line(text) };
    match session.evaluate(text, timeout, printed)? {
        ConsoleOutput::Value { value, .. } => {
            if context.json() {
                output::json(Answer::Value { value });
            } else if let Some(text) = value::shown(&value, Look::of_stdout()) {
                output::line(text.trim_end());
            }
            Ok(())
        }
        // What the node broke off for its time is no interrupt.
        ConsoleOutput::Failed { .. } if session.was_interrupted() => Err(interrupt::failure()),
        ConsoleOutput::Failed { message, is_interrupted } => Err(failed(message, is_interrupted, timeout)),
        other => Err(Failure::error(format!("the node answers what this tool does not understand: {other:?}"))
            .hint(hints::ANOTHER_VERSION)),
    }
}

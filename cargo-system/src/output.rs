//! The only place that prints. Results on stdout, everything else on stderr.
//! A reader that has gone (`2>&1 | head`) does not want it, and is no error; `println!` would panic. A result that cannot be written for another reason
//! is one: nobody should take it for an empty one.

use crate::answers::{Answer, Line};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::github;
use runtime::protocol::SCHEMA;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write as _};
use std::sync::OnceLock;

/// Whether what is written there may be in colours, and move.
pub(crate) fn has_colours(to: &impl IsTerminal) -> bool {
    to.is_terminal() && !is_set("NO_COLOR") && !is_dumb()
}

/// Whether the terminal only writes line after line.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The columns of the terminal that results go to, if they go to one.
pub(crate) fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Whether a variable of the environment says something.
pub(crate) fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Why a result's line was not written, the first that was not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints a result's line.
pub(crate) fn line(text: &str) {
    if let Err(error) = writeln!(io::stdout().lock(), "{}", github::inert(text)) {
        // The first one counts.
        let _: Result<(), io::Error> = UNWRITTEN.set(error);
    }
}

/// Whoever read the results has gone.
pub(crate) fn is_unread() -> bool {
    UNWRITTEN.get().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Results that somebody wanted were not written.
pub(crate) fn unwritten() -> Option<Failure> {
    let error = UNWRITTEN.get().filter(|_| !is_unread())?;
    let failure = Failure::error(format!("the result cannot be written to standard output: {error}"));
    Some(failure.hint("make room where it goes, and try again"))
}

/// Prints a line of JSON, with the schema's version.
pub(crate) fn json(line: impl Into<Line>) {
    object(&line.into());
}

/// Prints what this tool has another OS process of its own say.
pub(crate) fn inner(value: &impl Serialize) {
    object(value);
}

fn object(value: &impl Serialize) {
    // All that comes here are objects with names of ours.
    let Ok(Value::Object(mut object)) = serde_json::to_value(value) else { return };
    object.insert("schema".to_owned(), json!(SCHEMA));
    // In a string, and there is nothing else where this may stand, the same: a runner of CI must not take it for a command.
    line(&Value::Object(object).to_string().replace("##[", "\\u0023#["));
}

/// Prints news on stderr.
pub(crate) fn note(text: &str) {
    command(&github::inert(text));
}

/// Prints what whoever runs this looks for, on stderr.
pub(crate) fn command(text: &str) {
    let _: io::Result<()> = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a failure, and returns its exit code.
pub(crate) fn failure(failure: &Failure, as_json: bool) -> ExitCode {
    if as_json {
        json(Answer::from(failure));
    }
    note(render(failure).trim_end());
    github::failed(failure);
    failure.code
}

fn render(failure: &Failure) -> String {
    use std::fmt::Write as _;
    let mut text = format!("error: {}\n", failure.message);
    if let Some(details) = &failure.more.details {
        let _ = writeln!(text, "{}\n", details.trim_end());
    }
    if let Some(step) = &failure.step {
        let _ = writeln!(text, "  step: {step}");
    }
    if let Some(serving) = &failure.serving {
        let _ = writeln!(text, "  serving: {serving}");
    }
    if let Some(hint) = &failure.hint {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_where_and_what_next() {
        let mut failure = Failure::new(ExitCode::Refused, "the build of app failed").hint("mend it and try again");
        failure.step = Some("build".to_owned());
        failure.serving = Some("1.2.0+3f2a91bc".to_owned());
        assert_eq!(
            render(&failure),
            "error: the build of app failed\n  step: build\n  serving: 1.2.0+3f2a91bc\nhint: mend it and try again\n"
        );
    }
}

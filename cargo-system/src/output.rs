//! The only place that prints. Results on stdout, everything else on stderr.
//! A reader that has gone (`2>&1 | head`) does not want it, and is no error; `println!` would panic.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::github;
use runtime::protocol::SCHEMA;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write as _};

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

/// Prints a result's line.
pub(crate) fn line(text: &str) {
    let _: io::Result<()> = writeln!(io::stdout().lock(), "{}", github::inert(text));
}

/// Prints a value as one line of JSON, with the schema's version.
pub(crate) fn json(value: &impl Serialize) {
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut object = serde_json::Map::from_iter([("schema".to_owned(), json!(SCHEMA))]);
    match value {
        Value::Object(members) => object.extend(members),
        other => {
            object.insert("value".to_owned(), other);
        }
    }
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
        let mut object = json!({
            "outcome": "failed",
            "exit_code": failure.code as u8,
            "step": failure.step,
            "message": failure.message,
            "details": failure.more.details,
            "hint": failure.hint,
            "serving": failure.serving,
        });
        if let (Value::Object(object), Some(Value::Object(result))) = (&mut object, &failure.more.result) {
            object.extend(result.clone());
        }
        json(&object);
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

//! What a run of GitHub Actions shows besides its log: an annotation of a failure, a summary for people, outputs for the steps behind. Elsewhere,
//! where `GITHUB_ACTIONS` is not `true`, nothing.
//!
//! Source: GitHub's "Workflow commands for GitHub Actions". Names, versions and messages may come from plugins and from who wrote them: in a
//! command they are escaped as GitHub's own toolkit does, in an output they have one line, in the summary they are code without an end in it.

use crate::failure::Failure;
use crate::output;
use runtime::protocol::Upgraded;
use std::borrow::Cow;
use std::fs::File;
use std::io::Write as _;

/// No text is shown longer, in characters: a step's summary has 1 MiB in all.
const SHOWN_LEN: usize = 20_000;

/// A command has failed.
pub(crate) fn failed(failure: &Failure) {
    if !is_running() {
        return;
    }
    let hint = failure.hint.as_deref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    output::command(&format!("::error title=cargo system::{}", escaped(&format!("{}{hint}", failure.message))));
    let code = (failure.code as u8).to_string();
    let serving = failure.serving.as_deref().unwrap_or_default();
    write("GITHUB_OUTPUT", &outputs(&[("outcome", "failed"), ("exit-code", &code), ("serving", serving)]));
    write("GITHUB_STEP_SUMMARY", &summary_of_failure(failure));
}

/// An upgrade or a roll-back is done.
pub(crate) fn upgraded(name: &str, upgraded: &Upgraded, sentence: &str) {
    if !is_running() {
        return;
    }
    let Upgraded { from, to, changed, .. } = upgraded;
    let changed = if *changed { "true" } else { "false" };
    let values = [
        ("outcome", "upgraded"),
        ("exit-code", "0"),
        ("changed", changed),
        ("from", from),
        ("to", to),
        ("serving", to),
    ];
    write("GITHUB_OUTPUT", &outputs(&values));
    write("GITHUB_STEP_SUMMARY", &format!("### {}\n\n{}\n\n", code(name), code(sentence)));
}

/// What an upgrade would do.
pub(crate) fn planned(text: &str) {
    if is_running() {
        write("GITHUB_STEP_SUMMARY", &format!("### The plan\n\n{}\n", block(text)));
    }
}

/// Text that is printed, without any line of it being a command to the runner, which looks at all that is printed.
pub(crate) fn inert(text: &str) -> Cow<'_, str> {
    if is_running() { without_commands(text) } else { text.into() }
}

fn without_commands(text: &str) -> Cow<'_, str> {
    if !text.contains("::") && !text.contains("##[") {
        return text.into();
    }
    let line = |line: &str| match line.trim_start().strip_prefix("::") {
        Some(rest) => format!(": :{rest}"),
        None => line.to_owned(),
    };
    let lines: Vec<_> = text.split('\n').map(line).collect();
    lines.join("\n").replace("##[", "## [").into()
}

fn is_running() -> bool {
    std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true")
}

/// Adds to the file that a variable names. That it cannot be written to does not make the command fail.
fn write(variable: &str, text: &str) {
    let Some(path) = std::env::var_os(variable).filter(|path| !path.is_empty()) else { return };
    let written =
        File::options().append(true).create(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    if let Err(error) = written {
        output::note(&format!("warning: {variable} cannot be written to: {error}"));
    }
}

/// Of a workflow command.
fn escaped(text: &str) -> String {
    cut(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// One line each.
fn outputs(values: &[(&str, &str)]) -> String {
    let one_line = |value: &str| value.chars().filter(|c| !c.is_control()).collect::<String>();
    values.iter().map(|(name, value)| format!("{name}={}\n", one_line(value))).collect()
}

fn summary_of_failure(failure: &Failure) -> String {
    let mut text = format!("### cargo system failed\n\n{}\n\n", code(&failure.message));
    let parts = [("step", &failure.step), ("serving", &failure.serving), ("hint", &failure.hint)];
    for (what, value) in parts {
        if let Some(value) = value {
            text += &format!("- {what}: {}\n", code(value));
        }
    }
    if let Some(details) = &failure.more.details {
        text += &format!("\n{}", block(details));
    }
    text + "\n"
}

/// Markdown's code, in a line.
fn code(text: &str) -> String {
    let text: String = cut(text).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let fence = fence(&text, 1);
    format!("{fence} {text} {fence}")
}

/// Markdown's code, in lines.
fn block(text: &str) -> String {
    let text = cut(text);
    let fence = fence(&text, 3);
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

/// More backticks than stand in it one after the other.
fn fence(text: &str, least: usize) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(least.max(longest + 1))
}

fn cut(text: &str) -> String {
    text.chars().take(SHOWN_LEN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn what_others_have_written_stays_text() {
        assert_eq!(escaped("50 %\n::set-env name=A::b"), "50 %25%0A::set-env name=A::b");
        assert_eq!(outputs(&[("to", "1.0.0\nPATH=/tmp"), ("n", "")]), "to=1.0.0PATH=/tmp\nn=\n");
        assert_eq!(code("a `b` ``c``\n# d"), "``` a `b` ``c`` # d ```");
        assert_eq!(block("```\n<script>"), "````text\n```\n<script>\n````\n");
        assert_eq!(cut(&"a".repeat(SHOWN_LEN + 1)).len(), SHOWN_LEN);
    }

    #[test]
    fn what_is_printed_is_no_command() {
        let printed = "x\n  ::add-mask::y\nstd::fmt\n##[error]z";
        assert_eq!(without_commands(printed), "x\n: :add-mask::y\nstd::fmt\n## [error]z");
    }

    #[test]
    fn a_summary_says_what_failed_where_and_what_next() {
        let mut failure =
            Failure::new(ExitCode::Refused, "the state \"Cart\" changed").hint("paste the stub").step("check");
        failure.serving = Some("1.2.0+3f2a91bc".to_owned());
        failure.more.details = Some("old | new".into());
        let expected = "### cargo system failed\n\n` the state \"Cart\" changed `\n\n- step: ` check `\n- serving: ` 1.2.0+3f2a91bc `\n- hint: ` paste the stub `\n\n```text\nold | new\n```\n\n";
        assert_eq!(summary_of_failure(&failure), expected);
    }
}

//! Speaks to the terminal and calls other programs. The only place of these chores that prints.

use anyhow::{Context, Result, bail};
use std::process::{Command, Stdio};

/// Writes a line of result.
#[expect(clippy::print_stdout, reason = "the one place that prints results")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// Writes a line of progress or trouble.
#[expect(clippy::print_stderr, reason = "the one place that prints progress")]
pub(crate) fn complain(line: &str) {
    eprintln!("{line}");
}

/// Calls a program whose output goes to the terminal.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn call(command: &mut Command) -> Result<()> {
    let shown = show(command);
    complain(&format!("$ {shown}"));
    let status = command.status().with_context(|| shown.clone())?;
    if !status.success() {
        bail!("{shown} ended with {status}");
    }
    Ok(())
}

/// Calls a program and returns its standard output.
///
/// # Errors
/// When it cannot be started or fails; with what it said.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.output().with_context(|| shown.clone())?;
    if !output.status.success() {
        bail!("{shown} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Is there such a program, and does it say its version?
pub(crate) fn is_there(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Does this call succeed?
pub(crate) fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

//! Whoever reads results may have had enough of them, which is no error; a result that is lost otherwise is one.

use std::fs::File;
use std::process::{Child, Stdio};
use std::time::Duration;
use system_tests::cli::Cli;
use system_tests::sandbox::Sandbox;
use system_tests::wait;

/// No command of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// As `command | head -n 0` does it.
fn unread(cli: Cli) -> Child {
    let mut command = cli.into_command();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    drop(child.stdout.take());
    child
}

fn ends_in_peace(mut child: Child, what: &[&str]) {
    let ended = wait::until("its end", LIMIT, || child.try_wait().transpose());
    // It may have ended just now.
    let _: std::io::Result<()> = child.kill();
    let output = child.wait_with_output().expect("its words");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(ended.is_ok() && output.status.success(), "{what:?}: {}: {said}", output.status);
    assert!(!said.contains("panicked") && !said.contains("error"), "{what:?}: {said}");
}

#[test]
fn a_reader_that_has_gone_is_no_error_and_ends_what_it_followed() {
    let sandbox = Sandbox::new("greet").expect("the fixture builds");
    let _node = sandbox.run().expect("a node");
    for words in [
        &["status"][..],
        &["status", "--json"],
        &["ps", "--all"],
        &["metrics"],
        &["schema"],
        &["completions", "bash"],
        &["--help"],
        &["log", "-f"],
        &["log", "-f", "--json"],
        &["upgrade", "--json"],
    ] {
        ends_in_peace(unread(sandbox.cli(words.iter().copied())), words);
    }
}

#[test]
fn a_result_that_does_not_fit_the_disk_is_an_error() {
    let full = File::options().write(true).open("/dev/full").expect("a device that is always full");
    let schema = Cli::new(["schema"]).expect("the binary under test builds");
    let output = schema.into_command().stdout(full).output().expect("called");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.starts_with("error: the result cannot be written to standard output: No space left"), "{said}");
}

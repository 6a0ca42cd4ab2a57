//! `version`: what runs, never what would be booted. `pid`: as whom.

use crate::answers::{Line, OsProcess, Running};
use crate::client::{Client, PATIENCE};
use crate::context::Context;
use crate::failure::Failure;
use crate::{hints, output};
use runtime::protocol::{Command, Outcome, Status};
use std::time::Duration;

/// What is looked for and named may take a while on a busy machine.
const LONG_PATIENCE: Duration = Duration::from_secs(30);

/// Asks the node one thing.
pub(super) fn ask(context: &Context, command: Command) -> Result<Outcome, Failure> {
    context.connect()?.ask(command, LONG_PATIENCE)
}

/// An answer to another question.
pub(super) fn something_else() -> Failure {
    Failure::error("the node answers something else than what it was asked for").hint(hints::ANOTHER_VERSION)
}

/// Asks a node what it runs.
pub(super) fn ask_status(client: &mut Client) -> Result<Status, Failure> {
    match client.ask(Command::Status, PATIENCE)? {
        Outcome::Status(status) => Ok(status),
        _ => Err(something_else()),
    }
}

/// The version that new processes start on.
pub(super) fn current(status: &Status) -> &str {
    if !status.release.is_empty() {
        return &status.release;
    }
    let current = status.versions.iter().find(|version| version.state == "current");
    current.map_or("", |version| version.version.as_str())
}

pub(super) fn version(context: &Context) -> Result<(), Failure> {
    let status = ask_status(&mut context.connect()?)?;
    let version = current(&status).to_owned();
    let Status { name, runtime, .. } = status;
    if context.json() {
        output::json(Line::Running(Running { name, version, runtime }));
    } else {
        output::line(&format!("{name} {version} (runtime {runtime})"));
    }
    Ok(())
}

pub(super) fn pid(context: &Context) -> Result<(), Failure> {
    let Status { os_pid, .. } = ask_status(&mut context.connect()?)?;
    if context.json() {
        output::json(Line::OsProcess(OsProcess { os_pid }));
    } else {
        output::line(&os_pid.to_string());
    }
    Ok(())
}

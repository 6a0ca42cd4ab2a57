//! `version`: what runs, never what would be booted. `pid`: as whom.

use crate::client::{Client, PATIENCE};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::{Command, Outcome, Status};
use serde_json::json;

/// Asks a node what it runs.
pub(super) fn ask_status(client: &mut Client) -> Result<Status, Failure> {
    match client.ask(Command::Status, PATIENCE)? {
        Outcome::Status(status) => Ok(status),
        _ => Err(Failure::error("the node answers something else than its status")),
    }
}

/// The version that new processes start on.
pub(super) fn current(status: &Status) -> &str {
    let current = status.versions.iter().find(|version| version.state == "current");
    current.map_or("", |version| version.version.as_str())
}

pub(super) fn version(context: &Context) -> Result<(), Failure> {
    let status = ask_status(&mut context.connect()?)?;
    let version = current(&status);
    if context.json() {
        output::json(&json!({ "name": status.name, "version": version, "runtime": status.runtime }));
    } else {
        output::line(&format!("{} {version} (runtime {})", status.name, status.runtime));
    }
    Ok(())
}

pub(super) fn pid(context: &Context) -> Result<(), Failure> {
    let status = ask_status(&mut context.connect()?)?;
    if context.json() {
        output::json(&json!({ "os_pid": status.os_pid }));
    } else {
        output::line(&status.os_pid.to_string());
    }
    Ok(())
}

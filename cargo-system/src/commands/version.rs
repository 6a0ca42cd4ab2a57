//! `version`: what runs, never what would be booted. `pid`: as whom.

use crate::cli::Global;
use crate::client::PATIENCE;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::{Command, Outcome, Status};
use serde_json::json;

/// Asks a node what it runs.
pub(super) fn ask_status(global: &Global) -> Result<Status, Failure> {
    match super::connect(global)?.ask(Command::Status, PATIENCE)? {
        Outcome::Status(status) => Ok(status),
        _ => Err(Failure::error("the node answers something else than its status")),
    }
}

pub(super) fn version(global: &Global) -> Result<(), Failure> {
    let status = ask_status(global)?;
    let current = status.versions.iter().find(|version| version.state == "current");
    let version = current.map_or("", |version| version.version.as_str());
    if global.json {
        output::json(&json!({ "name": status.name, "version": version, "runtime": status.runtime }));
    } else {
        output::line(&format!("{} {version} (runtime {})", status.name, status.runtime));
    }
    Ok(())
}

pub(super) fn pid(global: &Global) -> Result<(), Failure> {
    let status = ask_status(global)?;
    if global.json {
        output::json(&json!({ "os_pid": status.os_pid }));
    } else {
        output::line(&status.os_pid.to_string());
    }
    Ok(())
}

//! `stop`: stop the node in order.

use crate::cli::Global;
use crate::client::PATIENCE;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::Command;
use serde_json::json;
use std::time::Duration;

pub(super) fn stop(global: &Global, grace: u32) -> Result<(), Failure> {
    let grace = Duration::from_secs(grace.into());
    let command = Command::Stop { grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX) };
    let mut client = super::connect(global)?;
    client.ask(command, grace + 2 * PATIENCE)?;
    client.wait_until_gone();
    if global.json {
        output::json(&json!({ "outcome": "ok" }));
    } else {
        output::line("stopped");
    }
    Ok(())
}

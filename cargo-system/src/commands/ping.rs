//! `ping`: does the node answer?

use crate::cli::Global;
use crate::client::PATIENCE;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::Command;
use serde_json::json;

pub(super) fn ping(global: &Global) -> Result<(), Failure> {
    super::connect(global)?.ask(Command::Ping, PATIENCE)?;
    if global.json {
        output::json(&json!({ "outcome": "ok" }));
    } else {
        output::line("pong");
    }
    Ok(())
}

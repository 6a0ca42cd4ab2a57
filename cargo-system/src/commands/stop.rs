//! `stop`: stop the node in order, and wait until it is gone, so that the next one can start.

use crate::answers::Answer;
use crate::client::{self, PATIENCE};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::output;
use runtime::protocol::Command;
use std::time::Duration;

pub(super) fn stop(context: &Context, grace: u32) -> Result<(), Failure> {
    stop_node(&context.node()?, grace)?;
    if context.json() {
        output::json(Answer::Ok);
    } else {
        output::line("stopped");
    }
    Ok(())
}

/// Stops it, with so many seconds for its processes, and waits until it is gone.
pub(super) fn stop_node(node: &NodePath, grace: u32) -> Result<(), Failure> {
    let grace = Duration::from_secs(grace.into());
    let command = Command::Stop { grace_ms: u64::try_from(grace.as_millis()).unwrap_or(u64::MAX) };
    client::connect(node)?.ask(command, grace + 2 * PATIENCE)?;
    if !node.wait_until_gone(PATIENCE)? {
        let message = format!("the node in {} has closed and does not end", node.root());
        return Err(Failure::new(ExitCode::TimedOut, message).hint("its log says why"));
    }
    Ok(())
}

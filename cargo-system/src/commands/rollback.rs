//! `rollback`: have the node make a release current again that has served before.

use super::follow;
use super::version::ask_status;
use crate::cli::Waiting;
use crate::client;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use runtime::protocol::Command;

pub(super) fn rollback(
    context: &Context,
    release: Option<String>,
    force: bool,
    waiting: Waiting,
) -> Result<(), Failure> {
    let node = context.node()?;
    let status = ask_status(&mut client::connect(&node)?)?;
    let follow_drain_ms = follow::milliseconds(follow::times(waiting).0);
    let command = Command::Rollback { release, force, follow_drain_ms };
    follow::follow(context, &node, &status.name, command, waiting, Progress::new(context.json()))
}

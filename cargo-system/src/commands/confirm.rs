//! `confirm`: the version that is on probation stays.

use super::follow;
use super::version::ask_status;
use crate::cli::Waiting;
use crate::client;
use crate::context::Context;
use crate::failure::Failure;
use crate::progress::Progress;
use runtime::protocol::Command;

pub(super) fn confirm(context: &Context, waiting: Waiting) -> Result<(), Failure> {
    let node = context.node()?;
    let status = ask_status(&mut client::connect(&node)?)?;
    follow::follow(context, &node, &status.name, Command::Confirm, waiting, Progress::new(context.json()))
}

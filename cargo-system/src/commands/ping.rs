//! `ping`: does the node answer?

use crate::answers::Answer;
use crate::client::PATIENCE;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::Command;

pub(super) fn ping(context: &Context) -> Result<(), Failure> {
    context.connect()?.ask(Command::Ping, PATIENCE)?;
    if context.json() {
        output::json(Answer::Ok);
    } else {
        output::line("pong");
    }
    Ok(())
}

//! `metrics`: what can be counted, as a scraper would get it.

use super::version::{ask, something_else};
use crate::answers::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use runtime::protocol::{Command, Outcome};

pub(super) fn metrics(context: &Context) -> Result<(), Failure> {
    match ask(context, Command::Metrics)? {
        Outcome::Metrics { text } if context.json() => output::json(Answer::Metrics { text }),
        Outcome::Metrics { text } => output::line(text.trim_end()),
        _ => return Err(something_else()),
    }
    Ok(())
}

//! A command's failure: exit code, one sentence, what next.

use crate::exit_code::ExitCode;
use runtime::protocol::Failure as NodeFailure;
use std::fmt;

/// Printed as `error: …` and `hint: …`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The step of the upgrade that it failed in.
    pub(crate) step: Option<String>,
    /// The version that serves now.
    pub(crate) serving: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), hint: None, step: None, serving: None }
    }

    /// An error without a code of its own.
    pub(crate) fn error(message: impl fmt::Display) -> Self {
        Self::new(ExitCode::Error, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<NodeFailure> for Failure {
    fn from(failure: NodeFailure) -> Self {
        Self {
            code: failure.kind.into(),
            message: failure.message,
            hint: failure.hint,
            step: failure.step,
            serving: failure.serving,
        }
    }
}

impl From<anyhow::Error> for Failure {
    /// The error with all its causes, in one line.
    fn from(error: anyhow::Error) -> Self {
        Self::error(format!("{error:#}"))
    }
}

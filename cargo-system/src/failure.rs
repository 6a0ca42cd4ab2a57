//! A command's failure: exit code, one sentence, what next.

use crate::answers::{Found, Nodes};
use crate::exit_code::ExitCode;
use runtime::protocol::Failure as NodeFailure;
use runtime::release::archive::ArchiveError;
use runtime::release::keys::KeyError;
use runtime::release::store::{StoreError, TrustError};
use std::fmt;

/// Printed as `error: …` and `hint: …`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: ExitCode,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) more: Box<More>,
    /// The step of the upgrade that it failed in.
    pub(crate) step: Option<String>,
    /// The version that serves now.
    pub(crate) serving: Option<String>,
}

/// What most failures have not.
#[derive(Debug, Default)]
pub(crate) struct More {
    /// Lines between the sentence and the hint.
    pub(crate) details: Option<Box<str>>,
    /// What `--json` prints beside it.
    pub(crate) found: Option<Found>,
    /// Of which node it is said, where that is not clear.
    pub(crate) node: Option<String>,
    /// Of several, how far it has come.
    pub(crate) nodes: Option<Nodes>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string(), hint: None, more: Box::default(), step: None, serving: None }
    }

    /// An error without a code of its own.
    pub(crate) fn error(message: impl fmt::Display) -> Self {
        Self::new(ExitCode::Error, message)
    }

    /// For a command that has nothing running to protect: what is refused is an error like any other.
    pub(crate) fn no_refusal(self) -> Self {
        let code = if self.code == ExitCode::Refused { ExitCode::Error } else { self.code };
        Self { code, ..self }
    }

    /// Nothing has changed by it.
    pub(crate) fn refusal(self) -> Self {
        Self { code: ExitCode::Refused, ..self }
    }

    /// Says in which step it failed, unless that is said.
    pub(crate) fn step(self, step: &str) -> Self {
        Self { step: self.step.or_else(|| Some(step.to_owned())), ..self }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// For errors that do not say themselves what to do next.
pub(crate) trait OrHint<T> {
    /// Its failure, with that hint.
    fn or_hint(self, hint: &str) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> OrHint<T> for Result<T, E> {
    fn or_hint(self, hint: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::from(error.into()).hint(hint))
    }
}

impl From<NodeFailure> for Failure {
    fn from(failure: NodeFailure) -> Self {
        Self {
            code: failure.kind.into(),
            message: failure.message,
            more: Box::new(More { details: failure.details, ..More::default() }),
            hint: failure.hint,
            step: failure.step,
            serving: failure.serving,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::error(&error).hint(error.hint())
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        Self::error(&error).hint(error.hint())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::error(&error).hint(error.hint())
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self::error(&error).hint(error.reason.hint())
    }
}

impl From<anyhow::Error> for Failure {
    /// The error with all its causes, in one line.
    fn from(error: anyhow::Error) -> Self {
        Self::error(format!("{error:#}"))
    }
}

//! What the control socket says when a command fails.

use serde::{Deserialize, Serialize};

/// Why a command failed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What kind, for exit codes.
    pub kind: FailureKind,
    /// The step it failed in, if it has steps.
    pub step: Option<String>,
    /// One sentence: what and why.
    pub message: String,
    /// More, in lines: what a change of a state lacks.
    #[serde(default)]
    pub details: Option<Box<str>>,
    /// What to do next.
    pub hint: Option<String>,
    /// The version that serves now.
    pub serving: Option<String>,
}

/// Kinds of failure; each has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Exit code 1.
    Error,
    /// Refused before anything changed: exit code 14.
    Refused,
    /// Failed, the old version serves: exit code 10.
    RolledBack,
    /// Failed, and the old version could not take all back: exit code 11.
    NotRolledBack,
    /// Another upgrade holds the lock: exit code 13.
    Locked,
}

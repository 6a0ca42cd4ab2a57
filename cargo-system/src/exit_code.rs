//! Exit codes: what a script may rely on.

use runtime::protocol::FailureKind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::process::ExitCode as Code;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Done, or already there.
    Done = 0,
    /// An error.
    Error = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The upgrade failed and was rolled back: the old version serves.
    RolledBack = 10,
    /// The upgrade failed and was not rolled back.
    NotRolledBack = 11,
    /// The time is up; the operation goes on.
    TimedOut = 12,
    /// Another upgrade is in progress.
    Locked = 13,
    /// Refused before anything changed.
    Refused = 14,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

impl ExitCode {
    /// All of them.
    const ALL: [Self; 9] = [
        Self::Done,
        Self::Error,
        Self::Usage,
        Self::RolledBack,
        Self::NotRolledBack,
        Self::TimedOut,
        Self::Locked,
        Self::Refused,
        Self::Interrupted,
    ];

    /// For `--help`, and for the schema of `--json`.
    fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or already there",
            Self::Error => "an error",
            Self::Usage => "the command line is wrong",
            Self::RolledBack => "the upgrade failed and was rolled back: the old version serves",
            Self::NotRolledBack => "the upgrade failed and was not rolled back",
            Self::TimedOut => "the time is up; the operation goes on",
            Self::Locked => "another upgrade is in progress",
            Self::Refused => "refused before anything changed (build, ABI, state, release, signature, hook)",
            Self::Interrupted => "interrupted",
        }
    }
}

/// For `--help`.
pub(crate) fn help() -> String {
    let lines = ExitCode::ALL.map(|code| format!("\n  {:<4} {}", code as u8, code.meaning()));
    format!("Exit codes:{}", lines.concat())
}

impl Serialize for ExitCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*self as u8)
    }
}

impl JsonSchema for ExitCode {
    fn schema_name() -> Cow<'static, str> {
        "ExitCode".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let codes = Self::ALL.map(|code| json_schema!({ "const": code, "description": code.meaning() }));
        json_schema!({ "description": "How a command ends.", "oneOf": codes })
    }
}

impl ExitCode {
    /// What another call of this tool ended with; an error, if that is none of these.
    pub(crate) fn of(code: u8) -> Self {
        Self::ALL.into_iter().find(|known| *known as u8 == code).unwrap_or(Self::Error)
    }
}

impl From<FailureKind> for ExitCode {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Error => Self::Error,
            FailureKind::Refused => Self::Refused,
            FailureKind::RolledBack => Self::RolledBack,
            FailureKind::NotRolledBack => Self::NotRolledBack,
            FailureKind::Locked => Self::Locked,
        }
    }
}

impl From<ExitCode> for Code {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_in_the_help() {
        let lines: Vec<_> = help().lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "  0    done, or already there");
        assert_eq!(lines[9], "  130  interrupted");
        assert_eq!(lines.len(), 10);
    }
}

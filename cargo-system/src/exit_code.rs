//! Exit codes: what a script may rely on.

use runtime::protocol::FailureKind;
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

/// For `--help`.
pub(crate) const HELP: &str = "Exit codes:
  0    done, or already there
  1    an error
  2    the command line is wrong
  10   the upgrade failed and was rolled back: the old version serves
  11   the upgrade failed and was not rolled back
  12   the time is up; the operation goes on
  13   another upgrade is in progress
  14   refused before anything changed (build, ABI, state, release, signature, hook)
  130  interrupted";

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
        for code in ExitCode::ALL {
            let number = (code as u8).to_string();
            assert!(HELP.lines().any(|line| line.split_whitespace().next() == Some(&number)), "{number}");
        }
    }
}

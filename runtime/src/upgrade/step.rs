//! The steps of an upgrade: each is journaled before it is taken.

/// In their order; the last is taken only when one behind the switch has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Check,
    Before,
    Prepare,
    Rehearse,
    Switch,
    Move,
    Health,
    Probation,
    Commit,
    RollBack,
}

impl Step {
    /// As events and the record say it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Before => "before",
            Self::Prepare => "prepare",
            Self::Rehearse => "rehearse",
            Self::Switch => "switch",
            Self::Move => "move",
            Self::Health => "health",
            Self::Probation => "probation",
            Self::Commit => "commit",
            Self::RollBack => "roll-back",
        }
    }

    /// True when nothing has changed if it fails, or cannot be journaled.
    pub(super) fn is_harmless(self) -> bool {
        matches!(self, Self::Check | Self::Before | Self::Prepare | Self::Rehearse | Self::Switch)
    }
}

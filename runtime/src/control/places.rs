//! How many clients are served at a time: [`CLIENTS_MAX`], and of those that may stay for hours [`LONG_TALKS_MAX`], so that there is always room for
//! whoever stops, kills, upgrades or asks. Applications have their own ([`APPLICATIONS_MAX`]).

use crate::protocol::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

const CLIENTS_MAX: usize = 64;
const LONG_TALKS_MAX: usize = 48;
/// Each takes a thread.
const APPLICATIONS_MAX: usize = 32;

/// What who finds no place can do next.
pub(super) const FULL_HINT: &str = "end one of them, and try again";

static CLIENTS: AtomicUsize = AtomicUsize::new(0);
static LONG_TALKS: AtomicUsize = AtomicUsize::new(0);
static APPLICATIONS: AtomicUsize = AtomicUsize::new(0);

/// A place that a client has; given back when dropped.
#[derive(Debug)]
pub(super) struct Place(&'static AtomicUsize);

impl Place {
    /// For a client, whatever it wants. Or why there is none.
    pub(super) fn of_client() -> Result<Self, String> {
        Self::take(&CLIENTS, CLIENTS_MAX)
            .ok_or_else(|| format!("{CLIENTS_MAX} clients are connected to this node already"))
    }

    /// For one that is to stay, beside its place as a client. Or why there is none.
    pub(super) fn of_long_talk() -> Result<Self, String> {
        Self::take(&LONG_TALKS, LONG_TALKS_MAX).ok_or_else(|| {
            format!(
                "{LONG_TALKS_MAX} consoles, traces, profiles and followers of the log are served by this node already"
            )
        })
    }

    /// For one of the node's own applications, which takes none from its operators.
    pub(super) fn of_application() -> Option<Self> {
        Self::take(&APPLICATIONS, APPLICATIONS_MAX)
    }

    fn take(taken: &'static AtomicUsize, most: usize) -> Option<Self> {
        let place = Self(taken);
        (taken.fetch_add(1, Ordering::SeqCst) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether it lasts for as long as its client likes.
pub(super) fn is_long(command: &Command) -> bool {
    matches!(
        command,
        Command::Console | Command::Trace { .. } | Command::Profile { .. } | Command::Log { follow: true, .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_and_given_back() {
        let talks: Vec<_> = (0..LONG_TALKS_MAX).map(|_| Place::of_long_talk().expect("a place")).collect();
        assert!(Place::of_long_talk().expect_err("no place").contains("48 consoles"));
        assert!(Place::of_client().is_ok(), "there is room for others");
        drop(talks);
        assert!(Place::of_long_talk().is_ok());
    }
}

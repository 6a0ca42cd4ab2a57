//! How long a connection may bring nothing.
//!
//! One look every [`LOOK_PERIOD`] costs a request nothing, where a timer for each would. So the limits are rough:
//!
//! ```text
//! a request in flight, or bytes written since the last look ─► patient
//! a request's head that does not get complete ─► closed after 30 to 60 s
//! no request, or a peer that takes nothing of what is written ─► closed after 60 to 90 s
//! ```

use std::time::Duration;

/// Between two looks.
pub(super) const LOOK_PERIOD: Duration = Duration::from_secs(30);

/// What a look finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Found {
    /// A request is in flight, or a response on its way.
    #[default]
    Busy,
    /// A request's head has begun.
    Head,
    /// Nothing.
    Idle,
}

/// What the last look found.
#[derive(Debug, Default)]
pub(super) struct Patience(Found);

impl Patience {
    /// Whether it is at an end with this look: nothing has come of what the last one found.
    pub(super) fn ends(&mut self, found: Found) -> bool {
        let last = std::mem::replace(&mut self.0, found);
        found == last && found != Found::Busy
    }
}

#[cfg(test)]
mod tests {
    use super::Found::{self, Busy, Head, Idle};
    use super::Patience;

    /// After how many looks it ends.
    fn looks(found: &[Found]) -> Option<usize> {
        let mut patience = Patience::default();
        found.iter().position(|found| patience.ends(*found)).map(|at| at + 1)
    }

    #[test]
    fn it_has_no_end_while_a_request_is_in_flight() {
        assert_eq!(looks(&[Busy; 1000]), None);
    }

    #[test]
    fn an_idle_connection_is_kept_for_two_periods_after_its_last_answer() {
        assert_eq!(looks(&[Busy, Idle, Idle]), Some(3));
        assert_eq!(looks(&[Idle, Busy, Idle, Busy, Idle]), None);
    }

    #[test]
    fn a_head_has_one_period_at_least_however_long_the_connection_was_idle() {
        assert_eq!(looks(&[Head, Head]), Some(2));
        assert_eq!(looks(&[Idle, Head, Busy]), None);
        assert_eq!(looks(&[Idle, Head, Head]), Some(3));
    }
}

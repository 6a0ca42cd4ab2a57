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
/// Looks in a row that may find the same incomplete head: it has been there for one period at least.
const HEAD_LOOKS_MAX: u8 = 1;
/// Looks in a row that may find nothing.
const IDLE_LOOKS_MAX: u8 = 2;

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

/// How often the same was found.
#[derive(Debug, Default)]
pub(super) struct Patience {
    found: Found,
    again: u8,
}

impl Patience {
    /// Whether it is at an end with this look.
    pub(super) fn ends(&mut self, found: Found) -> bool {
        self.again = if found == self.found { self.again.saturating_add(1) } else { 0 };
        self.found = found;
        match found {
            Found::Busy => false,
            Found::Head => self.again >= HEAD_LOOKS_MAX,
            Found::Idle => self.again >= IDLE_LOOKS_MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many looks it ends.
    fn looks(found: &[Found]) -> Option<usize> {
        let mut patience = Patience::default();
        found.iter().position(|found| patience.ends(*found)).map(|at| at + 1)
    }

    #[test]
    fn it_has_no_end_while_a_request_is_in_flight() {
        assert_eq!(looks(&[Found::Busy; 1000]), None);
    }

    #[test]
    fn an_idle_connection_is_kept_for_two_periods_at_least() {
        assert_eq!(looks(&[Found::Idle; 10]), Some(3));
        assert_eq!(looks(&[Found::Idle, Found::Idle, Found::Busy, Found::Idle, Found::Idle]), None);
    }

    #[test]
    fn a_head_has_one_period_at_least_however_long_the_connection_was_idle() {
        assert_eq!(looks(&[Found::Head; 10]), Some(2));
        assert_eq!(looks(&[Found::Idle, Found::Idle, Found::Head, Found::Idle]), None);
        assert_eq!(looks(&[Found::Idle, Found::Idle, Found::Head, Found::Head]), Some(4));
    }
}

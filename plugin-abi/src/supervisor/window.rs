//! How often restarts may happen: the moments of the last ones, no more of them than are allowed and one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many restarts within so long.
#[derive(Clone, Debug)]
pub(super) struct Window {
    restarts_max: u32,
    within: Duration,
    restarts: VecDeque<Instant>,
}

impl Window {
    pub(super) fn new(restarts_max: u32, within: Duration) -> Self {
        Self { restarts_max, within, restarts: VecDeque::new() }
    }

    /// One more restart. False: that is one too many.
    pub(super) fn add(&mut self, now: Instant) -> bool {
        let within = self.within;
        while self.restarts.front().is_some_and(|then| now.saturating_duration_since(*then) > within) {
            self.restarts.pop_front();
        }
        self.restarts.push_back(now);
        self.restarts.len() <= self.restarts_max as usize
    }

    /// Restarts in the window, the last one with them.
    pub(super) fn len(&self) -> usize {
        self.restarts.len()
    }

    pub(super) fn within(&self) -> Duration {
        self.within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_too_many_within_the_time_is_too_many_and_old_ones_do_not_count() {
        let begin = Instant::now();
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut window = Window::new(2, Duration::from_secs(5));
        assert!(window.add(at(0)) && window.add(at(5)));
        assert!(!window.add(at(5)), "three in five seconds");
        let mut window = Window::new(2, Duration::from_secs(5));
        assert!(window.add(at(0)) && window.add(at(3)) && window.add(at(6)) && window.add(at(9)));
        let mut window = Window::new(0, Duration::from_secs(5));
        assert!(!window.add(at(0)), "none is allowed");
    }
}

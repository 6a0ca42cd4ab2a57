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

    /// One that has moved: the ages of its restarts, oldest first.
    pub(super) fn moved(restarts_max: u32, within: Duration, ages: &[Duration], now: Instant) -> Self {
        // The clock does not go back to before the machine was started.
        let restarts = ages.iter().filter_map(|age| now.checked_sub(*age)).collect();
        Self { restarts, ..Self::new(restarts_max, within) }
    }

    /// How long ago each restart was, oldest first.
    pub(super) fn ages(&self, now: Instant) -> Vec<Duration> {
        self.restarts.iter().map(|then| now.saturating_duration_since(*then)).collect()
    }

    pub(super) fn restarts_max(&self) -> u32 {
        self.restarts_max
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

    #[test]
    fn what_has_happened_counts_after_a_move_by_the_new_measure() {
        let begin = Instant::now() + Duration::from_secs(3600);
        let at = |seconds| begin + Duration::from_secs(seconds);
        let mut window = Window::new(2, Duration::from_secs(5));
        assert!(window.add(at(0)) && window.add(at(2)));
        let ages = window.ages(at(4));
        let moved = |restarts_max, within| Window::moved(restarts_max, Duration::from_secs(within), &ages, at(4));
        assert!(!moved(2, 5).add(at(5)), "three in five seconds");
        assert!(moved(2, 5).add(at(6)), "the first is too old");
        assert!(moved(3, 5).add(at(5)), "three are allowed now");
        assert!(moved(2, 1).add(at(5)), "in one second");
        assert_eq!(moved(2, 5).ages(at(4)), ages);
    }
}

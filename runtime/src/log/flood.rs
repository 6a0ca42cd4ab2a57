//! A flood of one warning or error is counted, not repeated.
//!
//! Each site and process type may say [`SAID_MAX`] of them in a period; those beyond are counted, and the count is said when the period ends.
//! Who says something counts it here, on its own thread: a place is one word, of a key and a number, and nobody waits for anybody.
//!
//! ```text
//! free ─ the first ─► key, 1 ─ each further one ─► key, n ─ end of the period ─► key, 0 ─ nothing in a period ─► free
//! ```
//!
//! Bounded: [`PLACES`] sites; what finds no place is not held back here, but by the log's queue.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// So many are said in a period.
pub(super) const SAID_MAX: u64 = 20;
const PLACES: usize = 256;
/// How far from its own place a site may have gone.
const PROBES: usize = 8;
const COUNT_BITS: u32 = 28;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;

/// A site, for as long as it says much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// See the file's head.
#[derive(Debug)]
pub(super) struct Floods([AtomicU64; PLACES]);

impl Key {
    pub(super) fn of(site: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        site.hash(&mut hasher);
        // 0 is no key.
        Self((hasher.finish() >> COUNT_BITS).max(1))
    }

    fn word(self, count: u64) -> u64 {
        self.0 << COUNT_BITS | count.min(COUNT_MAX)
    }
}

impl Floods {
    pub(super) const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }

    /// Counts one. How many there were in this period, with it; 0: there is no place to count it.
    pub(super) fn count(&self, key: Key) -> u64 {
        let own = usize::try_from(key.0).unwrap_or(0);
        let mut counted = 0;
        let mut add = |word: u64| {
            counted = (word & COUNT_MAX) + 1;
            (word == 0 || word >> COUNT_BITS == key.0).then(|| key.word(counted))
        };
        for probe in 0..PROBES {
            let place = &self.0[(own + probe) % PLACES];
            if place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, &mut add).is_ok() {
                return counted;
            }
        }
        0
    }

    /// The period ends. `held_back` is called with each site that has said more than it may, and how many more.
    pub(super) fn end_period(&self, mut held_back: impl FnMut(Key, u64)) {
        for place in &self.0 {
            let next = |word: u64| (word != 0).then_some(if word & COUNT_MAX == 0 { 0 } else { word & !COUNT_MAX });
            let Ok(word) = place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) else { continue };
            let count = word & COUNT_MAX;
            if count > SAID_MAX {
                held_back(Key(word >> COUNT_BITS), count - SAID_MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(floods: &Floods) -> Vec<(Key, u64)> {
        let mut held_back = Vec::new();
        floods.end_period(|key, more| held_back.push((key, more)));
        held_back
    }

    #[test]
    fn what_is_beyond_is_counted_for_each_site_and_forgotten_with_the_period() {
        let floods = Floods::new();
        let (often, seldom) = (Key::of(("a.rs", 1)), Key::of(("a.rs", 2)));
        for n in 1..=SAID_MAX + 5 {
            assert_eq!(floods.count(often), n);
        }
        assert_eq!(floods.count(seldom), 1);
        assert_eq!(ended(&floods), [(often, 5)]);
        assert_eq!(floods.count(often), 1, "another period");
        assert!(ended(&floods).is_empty() && ended(&floods).is_empty());
        assert!(floods.0.iter().all(|place| place.load(Ordering::Relaxed) == 0), "places come free");
    }

    #[test]
    fn more_sites_than_places_are_not_held_back() {
        let floods = Floods::new();
        let counted: Vec<_> = (0..10 * PLACES).map(|site| floods.count(Key::of(site))).collect();
        assert!(counted.iter().all(|count| *count <= 1) && counted.contains(&0));
    }

    #[test]
    fn threads_that_count_at_once_lose_nothing() {
        let (floods, key) = (Floods::new(), Key::of("site"));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| assert_ne!(floods.count(key), 0)));
            }
        });
        assert_eq!(ended(&floods), [(key, 4000 - SAID_MAX)]);
    }

    #[test]
    fn a_count_ends_before_it_runs_into_the_key() {
        let (floods, key) = (Floods::new(), Key::of("site"));
        floods.count(key);
        let place = floods.0.iter().find(|place| place.load(Ordering::Relaxed) != 0).expect("a place");
        place.store(key.word(COUNT_MAX), Ordering::Relaxed);
        floods.count(key);
        assert_eq!(ended(&floods), [(key, COUNT_MAX - SAID_MAX)]);
    }
}

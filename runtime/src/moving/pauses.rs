//! How long processes stood still while they moved.

use crate::protocol::Pauses;
use std::time::Duration;

/// Of these.
pub(super) fn summary(mut pauses: Vec<Duration>) -> Pauses {
    pauses.sort_unstable();
    let at = |share: usize| pauses.get((pauses.len() * share / 100).min(pauses.len().saturating_sub(1)));
    let ns = |pause: Option<&Duration>| pause.map_or(0, |pause| u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
    Pauses { count: pauses.len() as u64, p50_ns: ns(at(50)), p99_ns: ns(at(99)), max_ns: ns(pauses.last()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_the_hundredth_and_the_longest() {
        assert_eq!(summary(Vec::new()), Pauses::default());
        let pauses = summary((1..=200).rev().map(Duration::from_nanos).collect());
        assert_eq!(pauses, Pauses { count: 200, p50_ns: 101, p99_ns: 199, max_ns: 200 });
    }
}

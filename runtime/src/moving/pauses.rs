//! How long processes stood still while they moved.

use crate::protocol::{PauseBucket, Pauses};
use std::time::Duration;

/// A longer one counts as this one: it is a bucket's bound, and powers of ten end there.
const LONGEST_NS: u64 = 1_000_000_000_000_000;

/// Of these.
pub(super) fn summary(mut pauses: Vec<Duration>) -> Pauses {
    pauses.sort_unstable();
    let at = |share: usize| pauses.get((pauses.len() * share / 100).min(pauses.len().saturating_sub(1)));
    let ns = |pause: Option<&Duration>| pause.map_or(0, |pause| u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX));
    Pauses {
        count: pauses.len() as u64,
        p50_ns: ns(at(50)),
        p99_ns: ns(at(99)),
        max_ns: ns(pauses.last()),
        buckets: buckets(&pauses),
    }
}

/// Of pauses in their order.
fn buckets(pauses: &[Duration]) -> Vec<PauseBucket> {
    let mut bounds = (3..).flat_map(|power| [1, 2, 5].map(|factor| factor * 10u64.pow(power)));
    let mut buckets: Vec<PauseBucket> = Vec::new();
    for pause in pauses {
        // More than there is in the time of any upgrade.
        let ns = u64::try_from(pause.as_nanos()).unwrap_or(u64::MAX).min(LONGEST_NS);
        match buckets.last_mut().filter(|last| ns <= last.up_to_ns) {
            Some(last) => last.count += 1,
            None => {
                buckets.extend(bounds.find(|bound| ns <= *bound).map(|up_to_ns| PauseBucket { up_to_ns, count: 1 }))
            }
        }
    }
    buckets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_the_hundredth_and_the_longest() {
        assert_eq!(summary(Vec::new()), Pauses::default());
        let pauses = summary((1..=200).rev().map(Duration::from_nanos).collect());
        let buckets = vec![PauseBucket { up_to_ns: 1000, count: 200 }];
        assert_eq!(pauses, Pauses { count: 200, p50_ns: 101, p99_ns: 199, max_ns: 200, buckets });
    }

    #[test]
    fn each_pause_is_in_one_bucket_and_none_is_empty() {
        let pauses = [0, 1000, 1001, 2000, 2001, 49_999, 50_000, 50_001, 3_000_000_000].map(Duration::from_nanos);
        let found = summary([pauses.as_slice(), &[Duration::MAX]].concat()).buckets;
        let found: Vec<_> = found.iter().map(|bucket| (bucket.up_to_ns, bucket.count)).collect();
        let expected =
            [(1000, 2), (2000, 2), (5000, 1), (50_000, 2), (100_000, 1), (5_000_000_000, 1), (LONGEST_NS, 1)];
        assert_eq!(found, expected);
    }
}

//! How long processes stood still, as people read it.

use runtime::protocol::{PauseBucket, Pauses};
use std::time::Duration;

/// On one line, how many for how long: `5µs 812 · 10µs 9100 · 20µs 88`, each no longer than that and longer than the one before.
pub(crate) fn histogram(pauses: &Pauses) -> String {
    let bucket =
        |PauseBucket { up_to_ns, count }: &PauseBucket| format!("{:?} {count}", Duration::from_nanos(*up_to_ns));
    pauses.buckets.iter().map(bucket).collect::<Vec<_>>().join(" · ")
}

/// For tests: some of each.
#[cfg(test)]
pub(crate) fn sample() -> Pauses {
    let buckets = [(5_000, 812), (20_000, 9100), (500_000, 88)];
    let buckets = buckets.map(|(up_to_ns, count)| PauseBucket { up_to_ns, count }).to_vec();
    Pauses { count: 10_000, p50_ns: 12_345, p99_ns: 85_000, max_ns: 400_000, buckets }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_a_line() {
        assert_eq!(histogram(&sample()), "5µs 812 · 20µs 9100 · 500µs 88");
        assert_eq!(histogram(&Pauses::default()), "");
    }
}

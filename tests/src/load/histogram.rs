//! A histogram of durations with a relative error below 1/32, of fixed size.
//!
//! Values are whole microseconds. Below 64 each has a bucket of its own; above, each power of two is cut into 32.

use std::time::Duration;

const SUB_BITS: u32 = 5;
const SUB: u64 = 1 << SUB_BITS;
const BUCKETS: usize = (64 - SUB_BITS as usize) << SUB_BITS;

/// Counts of durations.
#[derive(Clone, Debug)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    max_us: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, max_us: 0 }
    }
}

impl Histogram {
    /// Counts one.
    pub fn record(&mut self, duration: Duration) {
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)] += 1;
        self.count += 1;
        self.max_us = self.max_us.max(us);
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The duration that the part `at` (0 to 1) of all does not exceed; 1.0 is the exact maximum.
    #[must_use]
    pub fn quantile(&self, at: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "a count of durations is far below 2^52")]
        let rank = at * self.count as f64;
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            if *count > 0 && seen as f64 >= rank {
                return Duration::from_micros(upper_bound(index).min(self.max_us));
            }
        }
        Duration::from_micros(self.max_us)
    }

    /// Adds another one's counts.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max_us = self.max_us.max(other.max_us);
    }
}

fn bucket(us: u64) -> usize {
    let shift = us.max(1).ilog2().saturating_sub(SUB_BITS);
    let index = (u64::from(shift) << SUB_BITS) + (us >> shift);
    usize::try_from(index).unwrap_or(BUCKETS - 1).min(BUCKETS - 1)
}

/// The greatest value of a bucket.
fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    if index < 2 * SUB {
        return index;
    }
    let shift = (index >> SUB_BITS) - 1;
    let top = index - (shift << SUB_BITS);
    ((top + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_lies_in_a_bucket_at_most_one_thirtysecond_too_high() {
        for us in (0..10_000).chain([1 << 20, (1 << 20) + 77, 123_456_789, u64::MAX / 2]) {
            let bound = upper_bound(bucket(us));
            assert!(bound >= us && bound - us <= us / 32, "{us} in a bucket up to {bound}");
        }
    }

    #[test]
    fn quantiles_of_one_to_a_hundred() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|us| histogram.record(Duration::from_micros(us)));
        assert_eq!(histogram.quantile(0.5), Duration::from_micros(50));
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(100));
        assert_eq!(histogram.count(), 100);
    }
}

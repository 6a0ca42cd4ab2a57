//! The last minute: samples, and where upgrades were.

use plugin_abi::State;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A minute, ten times a second.
pub(super) const LEN_MAX: usize = 600;
/// What is a mean is one of five seconds.
const MEAN_LEN: usize = 50;

#[derive(Clone, Copy, Serialize, Deserialize, State)]
pub(super) struct Sample {
    /// Jobs a second.
    pub(super) jobs: f32,
    /// Schedulers in use: 1 is all the time of one.
    pub(super) usage: f32,
}

#[derive(Default, Serialize, Deserialize, State)]
pub(super) struct Window {
    samples: VecDeque<Sample>,
    /// Samples that have gone out of it.
    gone: u64,
    /// The version that took the last sample.
    version: String,
    /// Numbers of samples that were another version's first, and which.
    upgrades: VecDeque<(u64, String)>,
}

impl Sample {
    #[expect(clippy::cast_possible_truncation, reason = "six digits are enough for a chart")]
    pub(super) fn new(jobs: f64, usage: f64) -> Self {
        Self { jobs: jobs as f32, usage: usage as f32 }
    }
}

impl Window {
    /// One more sample, which that version took.
    pub(super) fn push(&mut self, sample: Sample, version: &str) {
        if self.version != version {
            if !self.version.is_empty() {
                self.upgrades.push_back((self.gone + self.samples.len() as u64, version.to_owned()));
            }
            version.clone_into(&mut self.version);
        }
        self.samples.push_back(sample);
        if self.samples.len() > LEN_MAX {
            self.samples.pop_front();
            self.gone += 1;
        }
        while self.upgrades.front().is_some_and(|(number, _)| *number < self.gone) {
            self.upgrades.pop_front();
        }
    }

    pub(super) fn samples(&self) -> impl ExactSizeIterator<Item = &Sample> + Clone {
        self.samples.iter()
    }

    /// Where upgrades were, among the samples, and to which version.
    pub(super) fn upgrades(&self) -> impl Iterator<Item = (usize, &str)> {
        self.upgrades.iter().filter_map(|(number, version)| {
            let at = usize::try_from(number.checked_sub(self.gone)?).ok()?;
            Some((at, version.as_str()))
        })
    }

    /// The mean of the last five seconds; zero before the first sample.
    #[expect(clippy::cast_precision_loss, reason = "a number up to fifty")]
    pub(super) fn mean(&self, of: impl Fn(&Sample) -> f32) -> f32 {
        let last = self.samples.iter().rev().take(MEAN_LEN);
        let len = last.len().max(1);
        last.map(of).sum::<f32>() / len as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(jobs: f64) -> Sample {
        Sample::new(jobs, 0.5)
    }

    #[test]
    fn a_minute_is_kept_and_means_are_of_five_seconds() {
        let mut window = Window::default();
        assert_eq!(window.mean(|sample| sample.jobs), 0.0);
        for _ in 0..LEN_MAX {
            window.push(sample(1.0), "1");
        }
        for _ in 0..MEAN_LEN {
            window.push(sample(3.0), "1");
        }
        assert_eq!(window.samples().len(), LEN_MAX);
        assert_eq!(window.mean(|sample| sample.jobs), 3.0);
    }

    #[test]
    fn an_upgrade_is_marked_where_it_was_until_it_is_too_old() {
        let mut window = Window::default();
        window.push(sample(1.0), "1");
        assert_eq!(window.upgrades().count(), 0, "the first version was no upgrade");
        window.push(sample(1.0), "2");
        assert_eq!(window.upgrades().collect::<Vec<_>>(), [(1, "2")]);
        for _ in 0..LEN_MAX - 1 {
            window.push(sample(1.0), "2");
        }
        assert_eq!(window.upgrades().collect::<Vec<_>>(), [(0, "2")]);
        window.push(sample(1.0), "2");
        assert_eq!(window.upgrades().count(), 0);
    }
}

//! Options of commands that show processes.

use crate::cli::count;
use clap::Args;
use runtime::protocol::{Selection, Sort};
use std::time::Duration;

/// Which processes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Which {
    /// Sort by this, most first
    #[arg(short, long, value_enum, default_value_t)]
    pub(crate) sort: SortBy,
    /// So many at the most
    #[arg(short = 'n', long, value_name = "N", default_value = "20", value_parser = count::<u32>(0..=10_000), allow_negative_numbers = true)]
    pub(crate) count: u32,
    /// Only those whose pid, type or version contains this
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
}

/// What processes are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SortBy {
    /// Processor time
    #[default]
    Cpu,
    /// Bytes allocated
    Memory,
    /// Messages that wait
    Mailbox,
    /// Polls
    Polls,
    /// Time since it began
    Uptime,
    /// Pid
    Pid,
}

impl From<SortBy> for Sort {
    fn from(sort: SortBy) -> Self {
        match sort {
            SortBy::Cpu => Self::Cpu,
            SortBy::Memory => Self::Memory,
            SortBy::Mailbox => Self::Mailbox,
            SortBy::Polls => Self::Polls,
            SortBy::Uptime => Self::Uptime,
            SortBy::Pid => Self::Pid,
        }
    }
}

impl Which {
    /// As the node is asked.
    pub(crate) fn selection(&self) -> Selection {
        Selection { sort: self.sort.into(), limit: Some(self.count), filter: self.filter.clone() }
    }
}

/// Seconds that one can wait for.
pub(crate) fn parse_interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.05..=3600.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| format!("{text:?} is not a number of seconds from 0.05 to 3600"))
}

/// How long one can watch, such as `500ms`, `5s` or `1m`.
pub(crate) fn parse_watch(text: &str) -> Result<Duration, String> {
    const RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(50)..=Duration::from_secs(600);
    const HINT: &str = "write a time from 50ms to 10m, such as 5s";
    let time = humantime::parse_duration(text).map_err(|error| format!("{error}; {HINT}"))?;
    if RANGE.contains(&time) { Ok(time) } else { Err(HINT.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_neither_nothing_nor_for_ever() {
        assert_eq!(parse_interval("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "1e9", "NaN", "inf", "soon", ""] {
            assert!(parse_interval(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_watch_is_neither_nothing_nor_for_ever() {
        assert_eq!(parse_watch("500ms"), Ok(Duration::from_millis(500)));
        for text in ["0s", "49ms", "11m", "5", "-1s", "soon", ""] {
            assert!(parse_watch(text).is_err(), "{text}");
        }
    }
}

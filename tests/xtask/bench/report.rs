//! Measurements, and how they are shown. Pure but for `write`.

use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::Path;

/// Where the table stands in docs/benchmarks.md.
const BEGIN: &str = "<!-- begin: cargo xtask bench --write -->";
const END: &str = "<!-- end -->";

/// One thing measured for ours and for the peer, in turns.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measurement {
    /// Benchmark and quantity.
    pub(crate) name: String,
    /// Of `ours` and `peer`.
    pub(crate) unit: &'static str,
    /// Median of the rounds.
    pub(crate) ours: f64,
    /// Median of the rounds.
    pub(crate) peer: f64,
    /// Above 1 where ours is better. The median of the rounds' own ratios: each round's two are neighbours in time.
    pub(crate) ratio: f64,
    /// Extremes over the rounds.
    pub(crate) ours_min: f64,
    /// As above.
    pub(crate) ours_max: f64,
    /// As above.
    pub(crate) peer_min: f64,
    /// As above.
    pub(crate) peer_max: f64,
    /// As above, of the ratio.
    pub(crate) ratio_min: f64,
    /// As above.
    pub(crate) ratio_max: f64,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// Such as requests a second.
    More,
    /// Such as time or memory.
    Less,
}

impl Measurement {
    /// Of rounds `(ours, peer)`, of which there is at least one.
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, better: Better, rounds: &[(f64, f64)]) -> Self {
        let ours: Vec<f64> = rounds.iter().map(|(ours, _)| *ours).collect();
        let peer: Vec<f64> = rounds.iter().map(|(_, peer)| *peer).collect();
        let ratio = |(ours, peer): &(f64, f64)| if better == Better::More { ours / peer } else { peer / ours };
        let ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        let ([ours_min, ours, ours_max], [peer_min, peer, peer_max]) = (spread(ours), spread(peer));
        let [ratio_min, ratio, ratio_max] = spread(ratios);
        let name = name.into();
        Self { name, unit, ours, peer, ratio, ours_min, ours_max, peer_min, peer_max, ratio_min, ratio_max }
    }
}

/// Least, median, greatest.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let median = match values.as_slice() {
        [] => f64::NAN,
        values if values.len().is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        values => values[middle],
    };
    [values.first().copied().unwrap_or(f64::NAN), median, values.last().copied().unwrap_or(f64::NAN)]
}

/// A Markdown table.
pub(crate) fn table(measurements: &[Measurement]) -> String {
    let mut table = String::from(
        "| benchmark | unit | ours (min – max) | peer (min – max) | ratio (min – max), above 1: ours is better |\n",
    );
    table += "|---|---|---|---|---|\n";
    for m in measurements {
        let cell = |median: f64, min: f64, max: f64| format!("{} ({} – {})", short(median), short(min), short(max));
        let (ours, peer) = (cell(m.ours, m.ours_min, m.ours_max), cell(m.peer, m.peer_min, m.peer_max));
        let ratio = cell(m.ratio, m.ratio_min, m.ratio_max);
        let _ = writeln!(table, "| {} | {} | {ours} | {peer} | {ratio} |", m.name, m.unit);
    }
    table
}

/// Three digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Puts the table into the file, in place of the one between the marks; the rest of the file stays.
pub(crate) fn write(path: &Path, measurements: &[Measurement]) -> Result<()> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| format!("# Benchmarks\n\n{BEGIN}\n{END}\n"));
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("{} has no {BEGIN}", path.display()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{} has no {END}", path.display()))?;
    let text = format!("{before}{BEGIN}\n{}{END}{after}", table(measurements));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_above_one_where_ours_is_better() {
        let more = Measurement::new("a", "1/s", Better::More, &[(2.0, 1.0), (3.0, 1.0), (9.0, 3.0)]);
        assert_eq!((more.ours, more.peer, more.ratio, more.ratio_min), (3.0, 1.0, 3.0, 2.0));
        let less = Measurement::new("a", "ms", Better::Less, &[(2.0, 1.0), (4.0, 1.0)]);
        assert_eq!((less.ours, less.ratio, less.ratio_max), (3.0, 0.375, 0.5));
    }
}

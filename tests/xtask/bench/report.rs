//! Measurements, and how they are shown and kept: `docs/benchmarks.json` has the last of each name, and the table and the picture
//! beside it are made of them.

use super::{aim, chart};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;

/// Where the table stands in docs/benchmarks.md.
const BEGIN: &str = "<!-- begin: cargo xtask bench --write -->";
const END: &str = "<!-- end -->";

/// One thing measured for ours and for the peer, in turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// Benchmark and quantity.
    pub(crate) name: String,
    /// Of `ours` and `peer`.
    pub(crate) unit: String,
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
    pub(crate) fn new(name: impl Into<String>, unit: &str, better: Better, rounds: &[(f64, f64)]) -> Self {
        let ours: Vec<f64> = rounds.iter().map(|(ours, _)| *ours).collect();
        let peer: Vec<f64> = rounds.iter().map(|(_, peer)| *peer).collect();
        let ratio = |(ours, peer): &(f64, f64)| if better == Better::More { ours / peer } else { peer / ours };
        let ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        let ([ours_min, ours, ours_max], [peer_min, peer, peer_max]) = (spread(ours), spread(peer));
        let [ratio_min, ratio, ratio_max] = spread(ratios);
        let (name, unit) = (name.into(), unit.to_owned());
        Self { name, unit, ours, peer, ratio, ours_min, ours_max, peer_min, peer_max, ratio_min, ratio_max }
    }
}

/// Least, median, greatest.
pub(super) fn spread(mut values: Vec<f64>) -> [f64; 3] {
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
        "| benchmark | unit | ours (min – max) | peer (min – max) | ratio (min – max), above 1: ours is better | aim |\n",
    );
    table += "|---|---|---|---|---|---|\n";
    for m in measurements {
        let cell = |median: f64, min: f64, max: f64| format!("{} ({} – {})", short(median), short(min), short(max));
        let (ours, peer) = (cell(m.ours, m.ours_min, m.ours_max), cell(m.peer, m.peer_min, m.peer_max));
        let ratio = cell(m.ratio, m.ratio_min, m.ratio_max);
        let aim = aim::text(m);
        let _ = writeln!(table, "| {} | {} | {ours} | {peer} | {ratio} | {aim} |", m.name, m.unit);
    }
    table
}

/// Three digits that count.
pub(super) fn short(value: f64) -> String {
    match value.abs() {
        big if big >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Writes them as JSON.
pub(crate) fn write_json(path: &Path, measurements: &[Measurement]) -> Result<()> {
    let json = serde_json::to_string_pretty(measurements)?;
    std::fs::write(path, json + "\n").with_context(|| path.display().to_string())
}

/// Keeps them in the folder's `benchmarks.json`, in place of older ones of the same names, and renews table and picture.
pub(crate) fn publish(docs: &Path, measurements: &[Measurement]) -> Result<()> {
    let (data, page) = (docs.join("benchmarks.json"), docs.join("benchmarks.md"));
    let kept = match std::fs::read_to_string(&data) {
        Ok(text) => serde_json::from_str(&text).with_context(|| data.display().to_string())?,
        Err(_) => Vec::new(),
    };
    let all = merge(kept, measurements);
    write_json(&data, &all)?;
    std::fs::write(docs.join("benchmarks.svg"), chart::svg(&all))?;
    let text = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
    let text = renewed(&text, &all).with_context(|| format!("{} has no {BEGIN} … {END}", page.display()))?;
    std::fs::write(&page, text).with_context(|| page.display().to_string())
}

/// New ones take the places of older ones of their names; the others follow.
fn merge(mut kept: Vec<Measurement>, new: &[Measurement]) -> Vec<Measurement> {
    for measurement in new {
        match kept.iter_mut().find(|kept| kept.name == measurement.name) {
            Some(place) => *place = measurement.clone(),
            None => kept.push(measurement.clone()),
        }
    }
    kept
}

/// The page with another table between the marks.
fn renewed(page: &str, measurements: &[Measurement]) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}{END}{after}", table(measurements)))
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

    #[test]
    fn the_file_is_a_list_of_what_was_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.json");
        let measured = Measurement::new("call", "1/s", Better::More, &[(4.0, 2.0)]);
        write_json(&path, &[measured]).expect("written");
        let text = std::fs::read_to_string(&path).expect("read");
        let all: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list");
        assert_eq!(all.len(), 1, "{text}");
        let one = &all[0];
        let expected = serde_json::json!(["call", "1/s", 4.0, 2.0, 2.0]);
        assert_eq!(serde_json::json!([one["name"], one["unit"], one["ours"], one["peer"], one["ratio"]]), expected);
    }

    #[test]
    fn a_new_measurement_takes_the_place_of_the_old_one_of_its_name() {
        let of = |name: &str, ours| Measurement::new(name, "ns", Better::Less, &[(ours, 1.0)]);
        let all = merge(vec![of("a", 1.0), of("b", 2.0)], &[of("b", 3.0), of("c", 4.0)]);
        let all: Vec<_> = all.iter().map(|m| (m.name.as_str(), m.ours)).collect();
        assert_eq!(all, [("a", 1.0), ("b", 3.0), ("c", 4.0)]);
    }

    #[test]
    fn only_the_table_of_the_page_is_renewed() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let renewed = renewed(&page, &[]).expect("both marks");
        assert!(renewed.starts_with("before\n") && renewed.ends_with("\nafter\n") && !renewed.contains("old"));
        assert!(super::renewed("no marks", &[]).is_none());
    }
}

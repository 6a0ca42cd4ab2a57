//! The book's tables of measurements, made of `docs/benchmarks.json`: no figure stands there that was not measured.
//!
//! ```text
//! <!-- begin: benchmarks call, spawn_end tokio -->   which rows
//! …the table…
//! <!-- end -->
//! ```

use super::report::{Measurement, short};
use anyhow::{Context, Result};
use std::fmt::Write as _;
use std::path::Path;
use system_tests::workspace;

const BEGIN: &str = "<!-- begin: benchmarks ";
const NAMES_END: &str = " -->\n";
const END: &str = "<!-- end -->";
const CHAPTER: &str = "docs/book/src/comparison.md";
const DATA: &str = "docs/benchmarks.json";

/// Renews the tables.
///
/// # Errors
/// A row is missing, or a file cannot be read or written.
pub(crate) fn renew() -> Result<()> {
    let (chapter, renewed) = both(&workspace::root())?;
    if chapter == renewed {
        return Ok(());
    }
    std::fs::write(workspace::root().join(CHAPTER), renewed).context(CHAPTER)
}

/// The chapter as it is, and as it should be.
fn both(root: &Path) -> Result<(String, String)> {
    let data = std::fs::read_to_string(root.join(DATA)).context(DATA)?;
    let measurements: Vec<Measurement> = serde_json::from_str(&data).context(DATA)?;
    let chapter = std::fs::read_to_string(root.join(CHAPTER)).context(CHAPTER)?;
    let renewed = renewed(&chapter, &measurements).context(CHAPTER)?;
    Ok((chapter, renewed))
}

fn renewed(chapter: &str, measurements: &[Measurement]) -> Result<String> {
    let mut parts = chapter.split(BEGIN);
    let mut renewed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (names, rest) = part.split_once(NAMES_END).context("a table's names have no end")?;
        let (_, after) = rest.split_once(END).with_context(|| format!("the table of {names} has no end"))?;
        let table = table(names, measurements)?;
        let _ = write!(renewed, "{BEGIN}{names}{NAMES_END}{table}{END}{after}");
    }
    Ok(renewed)
}

fn table(names: &str, measurements: &[Measurement]) -> Result<String> {
    let mut table = "| benchmark | unit | cargo-system | peer | ratio |\n|---|---|---|---|---|\n".to_owned();
    for name in names.split(", ") {
        let row = measurements.iter().find(|measurement| measurement.name == name);
        let row = row.with_context(|| format!("{name} was not measured"))?;
        let [ours, peer, ratio] = [row.ours, row.peer, row.ratio].map(short);
        let _ = writeln!(table, "| {name} | {} | {ours} | {peer} | {ratio} |", row.unit);
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::super::report::Better;
    use super::*;

    #[test]
    fn the_books_figures_are_the_measured_ones() {
        let (chapter, renewed) = both(&workspace::root()).expect("a chapter and its data");
        assert!(chapter == renewed, "{CHAPTER} has other figures than {DATA}: run cargo xtask tables");
    }

    #[test]
    fn only_the_tables_are_renewed_and_only_by_what_was_measured() {
        let measured = [Measurement::new("call", "1/s", Better::More, &[(4.0, 2.0)])];
        let chapter = format!("before\n{BEGIN}call{NAMES_END}old\n{END}\nafter\n");
        let renewed = renewed(&chapter, &measured).expect("a table");
        assert!(renewed.starts_with("before\n") && renewed.ends_with("\nafter\n") && !renewed.contains("old"));
        assert!(renewed.contains("| call | 1/s | 4.00 | 2.00 | 2.00 |\n"), "{renewed}");
        assert_eq!(super::renewed(&renewed, &measured).expect("a table"), renewed);
        let other = chapter.replace("call", "none_such");
        let error = super::renewed(&other, &measured).expect_err("no such row");
        assert!(error.to_string().contains("none_such"), "{error}");
    }
}

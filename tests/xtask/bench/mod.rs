//! `cargo xtask bench`: ours and a peer, in turns, on one machine, in one session; so their ratio holds where absolute
//! numbers would not.

mod http;
mod memory;
mod report;
mod save;

use crate::shell::{complain, say};
use anyhow::{Context, Result, bail};
use report::Measurement;
use std::path::PathBuf;
use system_tests::workspace;

/// A benchmark: its name and what it measures.
type Benchmark = (&'static str, fn() -> Result<Vec<Measurement>>);

const BENCHMARKS: &[Benchmark] = &[
    ("http_small_50", || http::run(50)),
    ("http_small_1000", || http::run(1_000)),
    ("idle_memory", memory::run),
    ("save_to_served", save::run),
];

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    only: Option<String>,
    json: Option<PathBuf>,
    write: bool,
}

impl Options {
    /// Reads the words after `bench`.
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match *word {
                "--only" => options.only = Some((*value()?).to_owned()),
                "--json" => options.json = Some(value()?.into()),
                "--write" => options.write = true,
                other => bail!("{other} is no option of bench; see cargo xtask help"),
            }
        }
        let known = |name: &str| BENCHMARKS.iter().any(|(known, _)| *known == name);
        match &options.only {
            Some(name) if !known(name) => bail!("there is no benchmark {name}; see cargo xtask help"),
            _ => Ok(options),
        }
    }
}

/// Runs what was asked for and reports it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted = |name: &str| options.only.as_deref().is_none_or(|only| only == name);
    let mut measurements = Vec::new();
    for (name, benchmark) in BENCHMARKS.iter().filter(|(name, _)| wanted(name)) {
        complain(&format!("benchmark {name}"));
        measurements.extend(benchmark().with_context(|| format!("benchmark {name}"))?);
    }
    say(&report::table(&measurements));
    if let Some(path) = &options.json {
        let json = serde_json::to_string_pretty(&measurements)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    if options.write {
        let path = workspace::root().join("docs/benchmarks.md");
        report::write(&path, &measurements)?;
    }
    Ok(())
}

//! `cargo xtask bench`: ours and a peer, in turns, on one machine, in one session; so their ratio holds where absolute
//! numbers would not.

mod aim;
mod chart;
mod connections;
mod http;
mod inside;
mod jobs;
mod memory;
mod moved;
mod program;
mod redis;
mod report;
mod rounds;
mod save;
mod side;
mod start;
mod up_and_down;
mod upgrade;

use crate::packages;
use crate::shell::{complain, say};
use anyhow::{Context, Result, bail, ensure};
use report::Measurement;
use side::Sides;
use std::path::PathBuf;
use system_tests::workspace;

/// A benchmark: its name and how it measures.
type Benchmark = (String, Box<dyn Fn(&Sides) -> Result<Vec<Measurement>>>);

/// What was asked for.
#[derive(Debug, Default)]
pub(crate) struct Options {
    only: Option<String>,
    json: Option<PathBuf>,
    write: bool,
}

/// All of them, in the order in which they run and are shown.
fn benchmarks() -> Vec<Benchmark> {
    let programs = program::all().into_iter();
    let programs = programs.map(|program| benchmark(&program.name.clone(), move |sides| program.run(sides)));
    let others = [
        benchmark("code_change", moved::run),
        benchmark("upgrade_50", |_| upgrade::run()),
        benchmark("jobs_10000", |sides| jobs::run("jobs_10000", 10_000, sides)),
        benchmark("jobs_100000", |sides| jobs::run("jobs_100000", 100_000, sides)),
        benchmark("jobs_1000000", |sides| jobs::run("jobs_1000000", 1_000_000, sides)),
        benchmark("idle_memory", memory::run),
        benchmark("tcp_idle_memory", connections::run),
        benchmark("echo_50", redis::echo),
        benchmark("ping_redis_p1", |sides| redis::ping("ping_redis_p1", sides, 1, 200_000)),
        benchmark("ping_redis_p16", |sides| redis::ping("ping_redis_p16", sides, 16, 1_000_000)),
        benchmark("http_small", |_| http::beside_tokio("http_small", 50)),
        benchmark("http_small_1000", |_| http::beside_tokio("http_small_1000", 1_000)),
        benchmark("http_small_erlang", |sides| http::beside_erlang("http_small_erlang", sides, 50)),
        benchmark("start_to_listening", start::run),
        benchmark("save_to_served", |_| save::run()),
        benchmark("inside_million", |_| inside::million()),
        benchmark("inside_sample", |_| inside::sample()),
        benchmark("inside_costs", |_| inside::costs()),
        benchmark("inside_log", |_| inside::log()),
    ];
    programs.chain(others).collect()
}

fn benchmark(name: &str, run: impl Fn(&Sides) -> Result<Vec<Measurement>> + 'static) -> Benchmark {
    (name.to_owned(), Box::new(run))
}

/// The names, for the help.
pub(crate) fn names() -> Vec<String> {
    benchmarks().into_iter().map(|(name, _)| name).collect()
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
        ensure!(!options.chosen().is_empty(), "there is no such benchmark; see cargo xtask help");
        Ok(options)
    }

    /// The one of that name; or all that begin with it, if none has it.
    fn chosen(&self) -> Vec<Benchmark> {
        let Some(only) = &self.only else { return benchmarks() };
        let is_one = names().contains(only);
        benchmarks()
            .into_iter()
            .filter(|(name, _)| if is_one { name == only } else { name.starts_with(only) })
            .collect()
    }
}

/// Of the last minute. What is above the number of processors, others were doing.
fn load() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split(' ').next().unwrap_or_default().to_owned()
}

/// Runs what was asked for and reports it. One that fails does not keep the others from being run.
pub(crate) fn run(options: &Options) -> Result<()> {
    packages::install(&[packages::WRK, packages::ERLANG, packages::REDIS]);
    let (sides, load) = (Sides::default(), load());
    let (mut measurements, mut failed) = (Vec::new(), Vec::new());
    for (name, measure) in options.chosen() {
        complain(&format!("benchmark {name}"));
        match measure(&sides) {
            Ok(measured) => measurements.extend(measured),
            Err(error) => {
                complain(&format!("  failed: {error:#}"));
                failed.push(name);
            }
        }
    }
    say(&report::table(&measurements));
    say(&format!("the machine's load average: {load} before, {} after", self::load()));
    if let Some(path) = &options.json {
        report::write_json(path, &measurements)?;
    }
    if options.write {
        report::publish(&workspace::root().join("docs"), &measurements)?;
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

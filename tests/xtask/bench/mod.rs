//! `cargo xtask bench`: ours and a peer, in turns, on one machine, in one session; so their ratio holds where absolute
//! numbers would not.

mod aim;
pub(crate) mod book;
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
use side::{Beside, Sides};
use std::path::PathBuf;
use system_tests::workspace;

/// A benchmark: its name, which one of its measurements has too, and how it measures.
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
        benchmark("idle_memory", |sides| memory::idle("idle_memory", sides, Beside::Erlang)),
        benchmark("idle_memory tokio", |sides| memory::idle("idle_memory tokio", sides, Beside::Tokio)),
        benchmark("alive_10m", memory::alive),
        benchmark("tcp_idle_memory", connections::run),
        benchmark("echo_50", |sides| redis::echo("echo_50", sides, Beside::Erlang)),
        benchmark("echo_50 tokio", |sides| redis::echo("echo_50 tokio", sides, Beside::Tokio)),
        benchmark("ping_redis_p1", |sides| redis::ping("ping_redis_p1", sides, 1, 200_000)),
        benchmark("ping_redis_p16", |sides| redis::ping("ping_redis_p16", sides, 16, 1_000_000)),
        benchmark("http_small", |sides| http::run("http_small", sides, Beside::Tokio, 50)),
        benchmark("http_small_1000", |sides| http::run("http_small_1000", sides, Beside::Tokio, 1_000)),
        benchmark("http_small_erlang", |sides| http::run("http_small_erlang", sides, Beside::Erlang, 50)),
        benchmark("start_to_listening", start::run),
        benchmark("save_to_served", |_| save::run()),
        benchmark("inside_million", |_| inside::million()),
        benchmark("inside_sample", |_| inside::sample()),
        benchmark("inside_profile", |_| inside::profile()),
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
            Ok(measured) => {
                ensure!(!measured.is_empty(), "{name} measures nothing");
                measurements.extend(measured);
            }
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
        book::renew()?;
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Others read them in what `--json` writes.
    const PROMISED: &str = "spawn_end spawn_monitor idle_memory pingpong_same pingpong_two ring many_to_one call \
        wake_p99_4_spinners wake_p99_16_spinners wake_p99_100_spinners \
        pingpong_4_spinners pingpong_16_spinners pingpong_100_spinners \
        kill_spinning tcp_idle_memory echo_50 http_small";

    #[test]
    fn each_promised_name_is_a_benchmarks() {
        let names = names();
        let missing: Vec<_> = PROMISED.split_whitespace().filter(|name| !names.iter().any(|n| n == name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn no_two_benchmarks_have_one_name() {
        let names = names();
        let different: std::collections::HashSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:?}");
    }

    #[test]
    fn a_program_measures_what_it_is_named_for() {
        for program in program::all() {
            assert!(program.quantities().any(|name| name == program.name), "{}", program.name);
        }
    }

    #[test]
    fn one_is_chosen_by_its_name_and_several_by_how_they_begin() {
        let chosen = |only: &str| {
            let options = Options::parse(&["--only", only])?;
            anyhow::Ok(options.chosen().into_iter().map(|(name, _)| name).collect::<Vec<_>>())
        };
        assert_eq!(chosen("many_to_one").expect("it is one"), ["many_to_one"]);
        assert_eq!(chosen("kill_").expect("two begin so"), ["kill_spinning", "kill_spinning_4_spinners"]);
        assert!(chosen("none_such").is_err());
    }
}

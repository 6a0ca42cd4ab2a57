//! Benchmarks that are one program, run by both sides.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Side, Sides, Which};
use anyhow::Result;

/// A program of `fixtures/bench` and `fixtures/erlang`.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The benchmark's.
    pub(super) name: String,
    /// What both are asked.
    line: String,
    /// What it answers with, in this order; one of them has the benchmark's own name, or all begin with it.
    quantities: Vec<Quantity>,
    rounds: u32,
    /// Each round has systems of its own, which end with it: for programs that leave something behind.
    is_fresh: bool,
}

type Quantity = (String, &'static str, Better);

/// Rounds; of the slow ones, fewer.
const ROUNDS: u32 = 5;
const SLOW_ROUNDS: u32 = 3;

/// Numbers of processes beside that do not give way, and how many rounds that takes.
const SPINNERS: [(u32, u32); 3] = [(4, ROUNDS), (16, ROUNDS), (100, SLOW_ROUNDS)];
/// What these do, in a benchmark's name and in a program's.
const KINDS: [(&str, &str); 2] = [("spinners", "spin"), ("sorting", "sort")];

/// All of them.
pub(super) fn all() -> Vec<Program> {
    let mut programs = vec![
        plain("spawn_end 500000", "ns", Better::Less),
        plain("spawn_monitor 200000", "ns", Better::Less),
        plain("pingpong_same 1000000", "1/s", Better::More),
        plain("pingpong_two 100000", "1/s", Better::More),
        plain("pingpong_pairs 500000", "1/s", Better::More),
        plain("ring 1000 1000", "ns", Better::Less),
        plain("many_to_one 8 250000", "1/s", Better::More),
        plain("many_to_one_off_heap 8 250000", "1/s", Better::More),
        plain("call 300000", "1/s", Better::More),
        wake("wake_{}_0_spinners", "wake_spin 0 1000", ROUNDS),
    ];
    for (spinners, rounds) in SPINNERS {
        for (name, kind) in KINDS {
            let name = format!("wake_{{}}_{spinners}_{name}");
            programs.push(wake(&name, &format!("wake_{kind} {spinners} 1000"), rounds));
        }
    }
    for (spinners, rounds) in SPINNERS {
        for (name, kind) in KINDS {
            let name = format!("pingpong_{spinners}_{name}");
            let line = format!("pingpong_{kind} {spinners} 1000");
            programs.push(fresh(line, vec![(name, "1/s", Better::More)], rounds));
        }
    }
    programs.push(kill("kill_spinning", 0));
    programs.push(kill("kill_spinning_4_spinners", 4));
    programs.push(Program { rounds: SLOW_ROUNDS, ..named("sum_loop", "sum 1000000000", "ns", Better::Less) });
    programs.push(fresh("shares 4 2000".into(), vec![("four_spinners_share".into(), "%", Better::More)], SLOW_ROUNDS));
    programs.extend(["sleep", "lock", "read"].map(blocking));
    programs.push(fresh("share 4 1000".into(), vec![("fair_share".into(), "%", Better::More)], SLOW_ROUNDS));
    programs
}

/// A benchmark that is named as its program.
fn plain(line: &str, unit: &'static str, better: Better) -> Program {
    named(line.split(' ').next().unwrap_or(line), line, unit, better)
}

fn named(name: &str, line: &str, unit: &'static str, better: Better) -> Program {
    let quantities = vec![(name.to_owned(), unit, better)];
    Program { name: name.into(), line: line.into(), quantities, rounds: ROUNDS, is_fresh: false }
}

fn fresh(line: String, quantities: Vec<Quantity>, rounds: u32) -> Program {
    Program { name: quantities[0].0.clone(), line, quantities, rounds, is_fresh: true }
}

/// Answers with the median and the 99th percentile, of which the latter matters more.
fn wake(name: &str, line: &str, rounds: u32) -> Program {
    let quantity = |percentile| (name.replace("{}", percentile), "µs", Better::Less);
    Program { name: name.replace("{}", "p99"), ..fresh(line.into(), vec![quantity("p50"), quantity("p99")], rounds) }
}

fn kill(name: &str, others: u32) -> Program {
    let quantities = vec![(format!("{name} p50"), "µs", Better::Less), (format!("{name} p99"), "µs", Better::Less)];
    Program { name: name.into(), ..fresh(format!("kill {others} 100"), quantities, ROUNDS) }
}

fn blocking(kind: &str) -> Program {
    let name = format!("blocking_50_{kind}");
    let quantities = vec![(format!("{name} p50"), "µs", Better::Less), (format!("{name} max"), "µs", Better::Less)];
    Program { name, ..fresh(format!("block_{kind} 50 300"), quantities, ROUNDS) }
}

impl Program {
    /// Measures.
    pub(super) fn run(&self, sides: &Sides) -> Result<Vec<Measurement>> {
        let rounds = if self.is_fresh {
            alternate(self.rounds, |which| sides.start(which)?.ask(&self.line))?
        } else {
            let (mut ours, mut peer) = (sides.start(Which::Ours)?, sides.start(Which::Peer)?);
            let side = |side: &mut Side| side.ask(&self.line);
            alternate(self.rounds, |which| side(if which == Which::Ours { &mut ours } else { &mut peer }))?
        };
        let measurement = |(index, (name, unit, better)): (usize, &Quantity)| {
            Measurement::new(name.clone(), unit, *better, &pick(&rounds, |measured| measured[index]))
        };
        Ok(self.quantities.iter().enumerate().map(measurement).collect())
    }
}

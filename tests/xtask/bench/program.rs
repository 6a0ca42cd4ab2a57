//! Benchmarks that are one program, run by both sides.

use super::report::{Better, Measurement};
use super::rounds::{alternate, pick};
use super::side::{Beside, Side, Sides, Which};
use anyhow::Result;

/// A program of `fixtures/bench`, and of `fixtures/erlang` or `fixtures/plain-tokio`.
#[derive(Clone, Debug)]
pub(super) struct Program {
    /// The benchmark's.
    pub(super) name: String,
    /// What both are asked.
    line: String,
    /// What it answers with, in this order; one of them has the benchmark's own name.
    quantities: Vec<Quantity>,
    rounds: u32,
    beside: Beside,
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
    let spawn_end = plain("spawn_end 500000", "ns", Better::Less);
    let pingpong_same = plain("pingpong_same 1000000", "1/s", Better::More);
    let many_to_one = plain("many_to_one 8 250000", "1/s", Better::More);
    let call = plain("call 300000", "1/s", Better::More);
    let tokio = [&spawn_end, &pingpong_same, &many_to_one, &call].map(beside_tokio);
    let mut programs = vec![
        spawn_end,
        plain("spawn_monitor 200000", "ns", Better::Less),
        pingpong_same,
        plain("pingpong_two 100000", "1/s", Better::More),
        plain("pingpong_pairs 500000", "1/s", Better::More),
        plain("ring 1000 1000", "ns", Better::Less),
        many_to_one,
        plain("many_to_one_off_heap 8 250000", "1/s", Better::More),
        call,
    ];
    programs.extend(tokio);
    let linked = vec![("linked_1m".to_owned(), "s", Better::Less), ("linked_1m started".to_owned(), "s", Better::Less)];
    programs.push(fresh("linked 1000000".to_owned(), linked, SLOW_ROUNDS));
    programs.push(wake("wake_{}_0_spinners", "wake_spin 0 1000", ROUNDS));
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
    let (name, line) = (name.into(), line.into());
    Program { name, line, quantities, rounds: ROUNDS, beside: Beside::Erlang, is_fresh: false }
}

/// The same beside tokio.
fn beside_tokio(program: &Program) -> Program {
    let mut program = program.clone();
    program.name += " tokio";
    program.quantities.iter_mut().for_each(|(name, ..)| *name += " tokio");
    Program { beside: Beside::Tokio, ..program }
}

fn fresh(line: String, quantities: Vec<Quantity>, rounds: u32) -> Program {
    Program { name: quantities[0].0.clone(), line, quantities, rounds, beside: Beside::Erlang, is_fresh: true }
}

/// Answers with the median and the 99th percentile, of which the latter matters more.
fn wake(name: &str, line: &str, rounds: u32) -> Program {
    let quantity = |percentile| (name.replace("{}", percentile), "µs", Better::Less);
    Program { name: name.replace("{}", "p99"), ..fresh(line.into(), vec![quantity("p50"), quantity("p99")], rounds) }
}

/// Answers with the median and the 99th percentile.
fn kill(name: &str, others: u32) -> Program {
    let quantities = vec![(name.into(), "µs", Better::Less), (format!("{name} p99"), "µs", Better::Less)];
    fresh(format!("kill {others} 100"), quantities, ROUNDS)
}

/// Answers with the median and the greatest, of which the latter is felt.
fn blocking(kind: &str) -> Program {
    let name = format!("blocking_50_{kind}");
    let quantities = vec![(format!("{name} p50"), "µs", Better::Less), (name.clone(), "µs", Better::Less)];
    Program { name, ..fresh(format!("block_{kind} 50 300"), quantities, ROUNDS) }
}

impl Program {
    /// The names of what it measures.
    #[cfg(test)]
    pub(super) fn quantities(&self) -> impl Iterator<Item = &str> {
        self.quantities.iter().map(|(name, ..)| name.as_str())
    }

    /// Measures.
    pub(super) fn run(&self, sides: &Sides) -> Result<Vec<Measurement>> {
        let start = |which| sides.start_beside(self.beside, which);
        let rounds = if self.is_fresh {
            alternate(self.rounds, |which| start(which)?.ask(&self.line))?
        } else {
            let (mut ours, mut peer) = (start(Which::Ours)?, start(Which::Peer)?);
            let side = |side: &mut Side| side.ask(&self.line);
            alternate(self.rounds, |which| side(if which == Which::Ours { &mut ours } else { &mut peer }))?
        };
        let measurement = |(index, (name, unit, better)): (usize, &Quantity)| {
            Measurement::new(name.clone(), unit, *better, &pick(&rounds, |measured| measured[index]))
        };
        Ok(self.quantities.iter().enumerate().map(measurement).collect())
    }
}

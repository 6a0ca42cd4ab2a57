//! Links, monitors and exit signals as OTP's manual explains them: a model that is too simple to be wrong, and scripts made at random with it.
//! The fixture `ties` has the words of a script.

use std::collections::BTreeSet;
use system_tests::random::Random;

const REASONS: &[&str] = &["normal", "shutdown", "killed", "error"];

#[derive(Debug, Default)]
struct Worker {
    died: Option<&'static str>,
    traps: bool,
    links: BTreeSet<usize>,
    /// Whom, until it is heard of or taken back.
    monitors: Vec<Option<usize>>,
    heard: Vec<String>,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Model {
    workers: Vec<Worker>,
    pub(crate) script: Vec<String>,
}

impl Model {
    /// A life of so many steps.
    pub(crate) fn live(random: &mut Random, workers: usize, steps: usize) -> Self {
        let mut model = Self::default();
        for _ in 0..workers {
            model.workers.push(Worker::default());
            model.script.push("S".to_owned());
        }
        for _ in 0..steps {
            model.step(random);
        }
        model
    }

    fn living(&self) -> Vec<usize> {
        (0..self.workers.len()).filter(|worker| self.workers[*worker].died.is_none()).collect()
    }

    fn step(&mut self, random: &mut Random) {
        let living = self.living();
        let Some(&one) = living.get(random.below(living.len().max(1))) else { return };
        let (other, reason) = (random.below(self.workers.len()), random.one(REASONS));
        let before: Vec<(bool, usize)> = self.workers.iter().map(|w| (w.died.is_some(), w.heard.len())).collect();
        let step = match random.below(20) {
            0..=5 if one != other => self.link(one, other),
            6..=7 => self.unlink(one, other),
            8..=11 if one != other => self.monitor(one, other),
            12 if !self.workers[one].monitors.is_empty() => {
                let number = random.below(self.workers[one].monitors.len());
                self.workers[one].monitors[number] = None;
                format!("D{one},{number}")
            }
            13..=14 => {
                self.workers[one].traps = true;
                format!("T{one}")
            }
            15..=16 => {
                self.signal(Some(one), other, reason);
                format!("X{one},{other},{reason}")
            }
            17 => {
                self.die(one, reason);
                format!("E{one},{reason}")
            }
            18 if random.below(2) == 0 => {
                self.die(one, "panic");
                format!("P{one}")
            }
            19 if random.below(2) == 0 => {
                self.die(one, "killed");
                format!("K{one}")
            }
            _ => return,
        };
        self.script.push(step);
        for (number, (was_dead, heard)) in before.into_iter().enumerate() {
            let worker = &self.workers[number];
            if worker.died.is_some() && !was_dead {
                self.script.push(format!("W{number}"));
            } else if worker.died.is_none() && worker.heard.len() > heard {
                self.script.push(format!("H{number},{}", worker.heard.len()));
            }
        }
    }

    fn link(&mut self, one: usize, other: usize) -> String {
        if self.workers[other].died.is_some() {
            self.signal(Some(other), one, "noproc");
        } else {
            self.workers[one].links.insert(other);
            self.workers[other].links.insert(one);
        }
        format!("L{one},{other}")
    }

    fn unlink(&mut self, one: usize, other: usize) -> String {
        self.workers[one].links.remove(&other);
        self.workers[other].links.remove(&one);
        format!("U{one},{other}")
    }

    fn monitor(&mut self, one: usize, other: usize) -> String {
        let is_dead = self.workers[other].died.is_some();
        let watcher = &mut self.workers[one];
        let number = watcher.monitors.len();
        watcher.monitors.push(Some(other).filter(|_| !is_dead));
        if is_dead {
            watcher.heard.push(format!("|D{number}:{other}:noproc"));
        }
        format!("M{one},{other}")
    }

    /// A signal arrives: of another that has ended, or that has said so.
    fn signal(&mut self, from: Option<usize>, to: usize, reason: &'static str) {
        let worker = &mut self.workers[to];
        if worker.died.is_some() {
            return;
        }
        if worker.traps {
            let from = from.map_or("?".to_owned(), |from| from.to_string());
            worker.heard.push(format!("|X{from}:{reason}"));
        } else if reason != "normal" || from == Some(to) {
            self.die(to, reason);
        }
    }

    fn die(&mut self, who: usize, reason: &'static str) {
        self.workers[who].died = Some(reason);
        for other in std::mem::take(&mut self.workers[who].links) {
            self.workers[other].links.remove(&who);
            self.signal(Some(who), other, reason);
        }
        for watcher in &mut self.workers {
            for number in 0..watcher.monitors.len() {
                if watcher.monitors[number] == Some(who) {
                    watcher.monitors[number] = None;
                    watcher.heard.push(format!("|D{number}:{who}:{reason}"));
                }
            }
        }
    }

    /// What the fixture has to say at the end.
    pub(crate) fn outcome(&self) -> String {
        let say = |worker: &Worker| match worker.died {
            Some(reason) => reason.to_owned(),
            None => {
                let mut heard = worker.heard.clone();
                heard.sort();
                format!("alive{}", heard.concat())
            }
        };
        self.workers.iter().map(say).collect::<Vec<_>>().join(" ")
    }
}

//! The plan against a model that is too simple to be wrong: a list, searched from its beginning each time.
//!
//! Thousands of random lives of supervisors: children end, in order or not, are added, stopped, started, forgotten; starts fail; time
//! passes. After each step the plan's children, their order and states are the model's, and so is what it wants done.

use super::Strategy;
use super::child::{Child, Restart};
use super::plan::{Plan, Round, State, Verdict};
use super::window::Window;
use crate::process::Pid;
use std::time::{Duration, Instant};

const LIVES: u64 = 3000;
const STEPS: u32 = 60;
const RESTARTS_MAX: u32 = 4;
const WITHIN: Duration = Duration::from_secs(10);

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Modelled {
    name: String,
    restart: Restart,
    state: State,
}

/// A supervisor as one would explain it.
struct Model {
    strategy: Strategy,
    children: Vec<Modelled>,
    restarts: Vec<Instant>,
}

#[derive(Debug, PartialEq)]
enum Wants {
    Nothing,
    Round { stop: Vec<String>, start: Vec<String> },
    GiveUp,
}

impl Model {
    fn forget_or(&mut self, at: usize, state: State) {
        if self.children[at].restart == Restart::Temporary || self.strategy == Strategy::Dynamic {
            self.children.remove(at);
        } else {
            self.children[at].state = state;
        }
    }

    fn ended(&mut self, pid: Pid, is_orderly: bool, now: Instant) -> Wants {
        let Some(at) = self.children.iter().position(|child| child.state == State::Running(pid)) else {
            return Wants::Nothing;
        };
        let comes_back = match self.children[at].restart {
            Restart::Permanent => true,
            Restart::Transient => !is_orderly,
            Restart::Temporary => false,
        };
        if comes_back {
            self.restart(at, now)
        } else {
            self.forget_or(at, State::Stopped);
            Wants::Nothing
        }
    }

    fn restart(&mut self, at: usize, now: Instant) -> Wants {
        self.children[at].state = State::Restarting;
        self.restarts.push(now);
        let recent = self.restarts.iter().filter(|then| now.duration_since(**then) <= WITHIN).count();
        if recent > RESTARTS_MAX as usize {
            return Wants::GiveUp;
        }
        let affected = match self.strategy {
            Strategy::OneForAll => &self.children[..],
            Strategy::RestForOne => &self.children[at..],
            Strategy::OneForOne | Strategy::Dynamic => &self.children[at..=at],
        };
        let runs = |child: &&Modelled| matches!(child.state, State::Running(_));
        let stop = affected.iter().rev().filter(runs).map(|child| child.name.clone()).collect();
        let stays = |child: &&Modelled| child.restart != Restart::Temporary;
        Wants::Round { stop, start: affected.iter().filter(stays).map(|child| child.name.clone()).collect() }
    }
}

/// Plan and model side by side.
struct Pair {
    random: Random,
    plan: Plan,
    model: Model,
    now: Instant,
    /// The last pid, and the last name, that was given.
    last: u64,
}

impl Pair {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne, Strategy::Dynamic];
        let strategy = strategies[random.below(4) as usize];
        let plan = Plan::new(strategy, Window::new(RESTARTS_MAX, WITHIN));
        let model = Model { strategy, children: Vec::new(), restarts: Vec::new() };
        Self { random, plan, model, now: Instant::now(), last: 0 }
    }

    fn pid(&mut self) -> Pid {
        self.last += 1;
        Pid::from_raw(1 << 32 | self.last)
    }

    /// One that runs, as a rule.
    fn some_pid(&mut self) -> Pid {
        let running: Vec<_> = self.plan.stop_all().into_iter().map(|(_, pid)| pid).collect();
        match running.len() as u64 {
            0 => self.pid(),
            len => running[self.random.below(len) as usize],
        }
    }

    fn add(&mut self) {
        let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary][self.random.below(3) as usize];
        let name = format!("child-{}", self.last);
        let child = Child::new(name.as_str(), || async {}).restart(restart);
        let key = self.plan.add(child.clone()).expect("the name is new");
        let is_taken = self.plan.add(child).is_err();
        if self.model.strategy == Strategy::Dynamic {
            self.plan.forget(key + 1);
        } else {
            assert!(is_taken, "a name is given once");
        }
        let pid = self.pid();
        self.plan.started(key, pid);
        self.model.children.push(Modelled { name, restart, state: State::Running(pid) });
    }

    fn name(&self, key: u64) -> String {
        self.plan.entry(key).expect("a child").child.name.to_string()
    }

    fn wants(&self, verdict: &Verdict) -> Wants {
        match verdict {
            Verdict::Unknown | Verdict::Over => Wants::Nothing,
            Verdict::GiveUp => Wants::GiveUp,
            Verdict::Restart(Round { stop, start }) => Wants::Round {
                stop: stop.iter().map(|(key, _)| self.name(*key)).collect(),
                start: start.iter().map(|key| self.name(*key)).collect(),
            },
        }
    }

    /// Does what both want. A start in eight fails. False: they give up.
    fn act(&mut self, verdict: Verdict, wanted: &Wants) -> bool {
        assert_eq!(self.wants(&verdict), *wanted);
        let Verdict::Restart(round) = verdict else { return verdict != Verdict::GiveUp };
        for (key, pid) in round.stop {
            let at = self.model.children.iter().position(|child| child.state == State::Running(pid)).expect("it runs");
            self.model.forget_or(at, State::Stopped);
            self.plan.stopped(key);
        }
        for key in round.start {
            let name = self.name(key);
            let at = self.model.children.iter().position(|child| child.name == name).expect("it is there");
            if self.random.below(8) == 0 {
                self.plan.start_failed(key);
                self.model.children[at].state = State::Restarting;
                let (verdict, wanted) = (self.plan.retry(key, self.now), self.model.restart(at, self.now));
                return self.act(verdict, &wanted);
            }
            let pid = self.pid();
            self.plan.started(key, pid);
            self.model.children[at].state = State::Running(pid);
        }
        true
    }

    fn step(&mut self) -> bool {
        self.now += Duration::from_millis(self.random.below(6000));
        match self.random.below(6) {
            0 | 1 => self.add(),
            2 => {
                let pid = self.some_pid();
                if let Some(key) = self.plan.by_pid(pid) {
                    self.plan.stopped(key);
                    let at = self.model.children.iter().position(|child| child.state == State::Running(pid));
                    self.model.forget_or(at.expect("it runs"), State::Stopped);
                }
            }
            3 => {
                let stopped = self.model.children.iter().position(|child| child.state == State::Stopped);
                if let Some(at) = stopped {
                    let key = self.plan.by_name(&self.model.children[at].name).expect("it is there");
                    self.plan.forget(key);
                    self.model.children.remove(at);
                }
            }
            _ => {
                let (pid, is_orderly) = (self.some_pid(), self.random.below(2) == 0);
                let verdict = self.plan.ended(pid, is_orderly, self.now);
                let wanted = self.model.ended(pid, is_orderly, self.now);
                return self.act(verdict, &wanted);
            }
        }
        true
    }

    fn assert_equal(&self) {
        let children: Vec<_> = self
            .plan
            .entries()
            .map(|(_, entry)| Modelled {
                name: entry.child.name.to_string(),
                restart: entry.child.restart,
                state: entry.state,
            })
            .collect();
        assert_eq!(children, self.model.children);
        for (key, entry) in self.plan.entries() {
            if let State::Running(pid) = entry.state {
                assert_eq!(self.plan.by_pid(pid), Some(key));
            }
        }
    }
}

#[test]
fn the_plan_does_what_a_simple_model_does() {
    let (mut rounds, mut given_up) = (0, 0);
    for seed in 0..LIVES {
        let mut pair = Pair::new(seed);
        for _ in 0..STEPS {
            if !pair.step() {
                given_up += 1;
                break;
            }
            pair.assert_equal();
        }
        rounds += pair.model.restarts.len();
    }
    assert!(rounds > 1000 && given_up > 100, "it has been tried: {rounds} restarts, {given_up} gave up");
}

//! Supervision trees as OTP's manual explains them: a model that is too simple to be wrong, and lives of trees made at random with it. The
//! fixture `supervised` has the words of a script (`life.rs`).

use system_tests::random::Random;

const STRATEGIES: &[&str] = &["one_for_one", "one_for_all", "rest_for_one"];
const RESTARTS: &[&str] = &["permanent", "transient", "temporary"];
const ORDERS: &[&str] = &["finish", "fail", "panic", "kill"];
const DEPTH_MAX: usize = 3;

/// A worker, or a supervisor.
#[derive(Debug)]
struct Place {
    above: Option<usize>,
    restart: &'static str,
    supervisor: Option<Supervisor>,
    runs: bool,
    /// A temporary one that has ended.
    is_forgotten: bool,
}

#[derive(Debug)]
struct Supervisor {
    strategy: &'static str,
    intensity: usize,
    restarts: usize,
    below: Vec<usize>,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The root first.
    places: Vec<Place>,
    journal: Vec<String>,
    pub(crate) script: String,
    pub(crate) restarts: usize,
    pub(crate) given_up: usize,
}

impl Model {
    /// A life of so many orders at the most.
    pub(crate) fn live(random: &mut Random, orders: usize) -> Self {
        let mut model = Self::default();
        model.grow(random, None, DEPTH_MAX);
        model.script = model.tree(0);
        model.start(0);
        model.step("start");
        for _ in 0..orders {
            let working = |place: &usize| model.places[*place].runs && model.places[*place].supervisor.is_none();
            let workers: Vec<usize> = (0..model.places.len()).filter(working).collect();
            let Some(&worker) = workers.get(random.below(workers.len().max(1))) else { break };
            let order = random.one(ORDERS);
            model.stop(worker);
            model.ended(worker, order == "finish");
            model.step(&format!("{order} {}", name(worker)));
        }
        let end = if model.places[0].runs { "stop" } else { "over" };
        model.stop(0);
        model.step(end);
        model
    }

    fn grow(&mut self, random: &mut Random, above: Option<usize>, depth: usize) -> usize {
        let own = self.places.len();
        let restart = random.one(RESTARTS);
        self.places.push(Place { above, restart, supervisor: None, runs: false, is_forgotten: false });
        if above.is_none() || depth > 0 && random.below(3) == 0 {
            let (strategy, intensity) = (random.one(STRATEGIES), random.below(4));
            let below =
                (0..1 + random.below(4)).map(|_| self.grow(random, Some(own), depth.saturating_sub(1))).collect();
            self.places[own].supervisor = Some(Supervisor { strategy, intensity, restarts: 0, below });
        }
        own
    }

    /// As the fixture reads it.
    fn tree(&self, own: usize) -> String {
        let (name, restart) = (name(own), self.places[own].restart);
        let Some(Supervisor { strategy, intensity, below, .. }) = &self.places[own].supervisor else {
            return format!("W {name} {restart}");
        };
        let below: Vec<_> = below.iter().map(|place| self.tree(*place)).collect();
        format!("S {name} {strategy} {restart} {intensity} {} )", below.join(" "))
    }

    /// What has happened by that order.
    fn step(&mut self, order: &str) {
        self.script += &format!(" | {order} = {}", std::mem::take(&mut self.journal).join(" "));
    }

    /// First to last.
    fn start(&mut self, own: usize) {
        self.places[own].runs = true;
        match &mut self.places[own].supervisor {
            None => self.journal.push(format!("+{}", name(own))),
            Some(supervisor) => {
                supervisor.restarts = 0;
                for place in supervisor.below.clone() {
                    self.places[place].is_forgotten = false;
                    self.start(place);
                }
            }
        }
    }

    /// Last to first.
    fn stop(&mut self, own: usize) {
        if !std::mem::take(&mut self.places[own].runs) {
            return;
        }
        match &self.places[own].supervisor {
            None => self.journal.push(format!("-{}", name(own))),
            Some(supervisor) => supervisor.below.clone().into_iter().rev().for_each(|place| self.stop(place)),
        }
        self.places[own].is_forgotten = self.places[own].restart == "temporary";
    }

    /// It has ended by itself: its supervisor does what it has to.
    fn ended(&mut self, own: usize, is_orderly: bool) {
        let Some(above) = self.places[own].above else { return };
        let restart = self.places[own].restart;
        if restart == "temporary" || restart == "transient" && is_orderly {
            return;
        }
        let Some(supervisor) = &mut self.places[above].supervisor else { return };
        supervisor.restarts += 1;
        if supervisor.restarts > supervisor.intensity {
            self.given_up += 1;
            self.stop(above);
            return self.ended(above, true);
        }
        self.restarts += 1;
        let at = supervisor.below.iter().position(|place| *place == own).expect("below it");
        let affected = match supervisor.strategy {
            "one_for_one" => vec![own],
            "one_for_all" => supervisor.below.clone(),
            _ => supervisor.below[at..].to_vec(),
        };
        affected.iter().rev().for_each(|place| self.stop(*place));
        for place in affected {
            if !self.places[place].is_forgotten {
                self.start(place);
            }
        }
    }
}

fn name(place: usize) -> String {
    format!("p{place}")
}

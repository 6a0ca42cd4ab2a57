//! Heirs against a model that is too simple to be wrong: lists, walked from their beginnings for each child.
//!
//! Thousands of random supervisors: a version's list, of which some children have been forgotten and some do not run, others that were added by
//! hand, and another version's list. What becomes of them is the model's; and there and back again gives what there was.

use super::child::{Child, ChildKind, Restart, Shutdown};
use super::inherit::{Heir, Now, Stood};
use super::plan::{Lot, State};
use super::plan_tests::Random;
use super::{Strategy, Supervisor};
use crate::process::Pid;
use std::time::Duration;

const SCENES: u64 = 20_000;
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// A version's child as a test has it: it is a supervisor, or a worker.
#[derive(Clone, Debug, PartialEq)]
struct Listed {
    name: &'static str,
    is_supervisor: bool,
    restart: Restart,
    time: u64,
}

/// An heir as a test sees it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    name: String,
    restart: Restart,
    shutdown: Shutdown,
    state: State,
    lot: Lot,
    is_listed: bool,
}

impl Listed {
    fn child(&self) -> Child {
        let child = if self.is_supervisor {
            Child::supervisor(self.name, Supervisor::new(Strategy::OneForOne))
        } else {
            Child::new(self.name, || async {})
        };
        child.restart(self.restart).shutdown(self.shutdown())
    }

    fn shutdown(&self) -> Shutdown {
        Shutdown::Timeout(Duration::from_secs(self.time))
    }

    fn kind(&self) -> ChildKind {
        if self.is_supervisor { ChildKind::Supervisor } else { ChildKind::Worker }
    }

    fn stood(&self, is_listed: bool, state: State) -> Stood {
        Stood {
            name: self.name.to_owned(),
            restart: self.restart,
            shutdown: self.shutdown(),
            kind: self.kind(),
            process: None,
            argument: None,
            is_listed,
            state,
        }
    }
}

impl Random {
    fn list(&mut self) -> Vec<Listed> {
        let mut names = NAMES.to_vec();
        let count = self.below(NAMES.len() as u64);
        let mut listed = |_| {
            let name = names.remove(self.below(names.len() as u64) as usize);
            let restart = [Restart::Permanent, Restart::Transient, Restart::Temporary][self.below(3) as usize];
            Listed { name, is_supervisor: self.below(4) == 0, restart, time: self.below(100) }
        };
        (0..count).map(&mut listed).collect()
    }

    /// What a supervisor of that list has come to: some are forgotten, some do not run, some came by hand.
    fn life(&mut self, list: &[Listed]) -> Vec<Stood> {
        let mut before = Vec::new();
        for (pid, listed) in (1..).zip(list) {
            match self.below(5) {
                0 => {}
                1 => before.push(listed.stood(true, [State::Stopped, State::Restarting][self.below(2) as usize])),
                _ => before.push(listed.stood(true, State::Running(Pid::from_raw(1 << 32 | pid)))),
            }
        }
        for (pid, listed) in (100..).zip(self.list()) {
            if !list.iter().any(|other| other.name == listed.name) {
                let running = State::Running(Pid::from_raw(1 << 32 | pid));
                before.push(listed.stood(false, [State::Stopped, running, running][self.below(3) as usize]));
            }
        }
        before
    }
}

fn names(list: &[Listed]) -> Vec<String> {
    list.iter().map(|listed| listed.name.to_owned()).collect()
}

fn children(list: &[Listed]) -> Vec<Child> {
    list.iter().map(Listed::child).collect()
}

fn seen(heirs: Vec<Heir>) -> Vec<Seen> {
    let seen = |Heir { child, state, lot, is_listed }| Seen {
        name: child.name.to_string(),
        restart: child.restart,
        shutdown: child.shutdown,
        state,
        lot,
        is_listed,
    };
    heirs.into_iter().map(seen).collect()
}

fn inherit(before: &[Stood], listed: &[String], list: &[Child], are_names_identities: bool) -> Vec<Heir> {
    super::inherit::inherit(before, listed, Now { list, template: None, are_names_identities }).expect("no template")
}

fn runs(stood: &Stood) -> bool {
    matches!(stood.state, State::Running(_))
}

/// Of names that are identities.
fn model(before: &[Stood], listed: &[String], list: &[Listed]) -> Vec<Seen> {
    let mut model = Vec::new();
    for new in list {
        let heir = |state, lot| Seen {
            name: new.name.to_owned(),
            restart: new.restart,
            shutdown: new.shutdown(),
            state,
            lot,
            is_listed: true,
        };
        match before.iter().find(|stood| stood.name == new.name) {
            Some(stood) if runs(stood) && stood.kind != new.kind() => model.push(heir(stood.state, Lot::Another)),
            Some(stood) => model.push(heir(stood.state, Lot::Stays)),
            None if listed.iter().any(|name| name == new.name) => {}
            None => model.push(heir(State::Waiting, Lot::Added)),
        }
    }
    // Each of the others stands behind the one that it stood behind.
    let mut at = 0;
    for stood in before {
        if let Some(found) = model.iter().position(|heir| heir.name == stood.name) {
            at = found + 1;
        } else if runs(stood) {
            let lot = if stood.is_listed { Lot::Leaves } else { Lot::Stays };
            let (restart, is_listed) = (Restart::Temporary, stood.is_listed);
            let heir = Seen {
                name: stood.name.clone(),
                restart,
                shutdown: stood.shutdown,
                state: stood.state,
                lot,
                is_listed,
            };
            model.insert(at, heir);
            at += 1;
        }
    }
    model
}

#[test]
fn heirs_are_those_of_a_simple_model() {
    let mut lots = std::collections::HashMap::new();
    for seed in 0..SCENES {
        let mut random = Random(seed);
        let (old, new) = (random.list(), random.list());
        let before = random.life(&old);
        let heirs = seen(inherit(&before, &names(&old), &children(&new), true));
        assert_eq!(heirs, model(&before, &names(&old), &new), "{before:?} of {old:?} to {new:?}");
        for heir in heirs {
            *lots.entry(format!("{:?}", heir.lot)).or_insert(0_u64) += 1;
        }
    }
    assert!(lots.len() == 4 && lots.values().all(|count| *count > 1000), "all lots have been drawn: {lots:?}");
}

/// As a supervisor of those heirs writes them.
fn written(heirs: &[Heir]) -> Vec<Stood> {
    let stood = |heir: &Heir| Stood {
        name: heir.child.name.to_string(),
        restart: heir.child.restart,
        shutdown: heir.child.shutdown,
        kind: heir.child.kind,
        process: None,
        argument: None,
        is_listed: heir.is_listed,
        state: heir.state,
    };
    heirs.iter().map(stood).collect()
}

#[test]
fn there_and_back_again_gives_the_children_that_ran() {
    for seed in 0..SCENES {
        let mut random = Random(seed);
        let (old, new) = (random.list(), random.list());
        let before: Vec<_> = random.life(&old).into_iter().filter(|stood| stood.is_listed).collect();
        let there = written(&inherit(&before, &names(&old), &children(&new), true));
        let back = seen(inherit(&there, &names(&new), &children(&old), true));
        let back: Vec<_> = back.into_iter().filter(|heir| matches!(heir.state, State::Running(_))).collect();
        let ran: Vec<_> = before.iter().filter(|stood| runs(stood)).collect();
        assert_eq!(back.len(), ran.len(), "{before:?} of {old:?} to {new:?}");
        for (heir, stood) in back.iter().zip(ran) {
            assert_eq!((&heir.name, heir.restart, heir.shutdown), (&stood.name, stood.restart, stood.shutdown));
            assert_eq!((heir.state, heir.is_listed), (stood.state, true));
            assert!(matches!(heir.lot, Lot::Stays | Lot::Another), "{heir:?}");
        }
    }
}

#[test]
fn of_names_that_are_no_identities_each_is_claimed_once_and_those_added_by_hand_claim_none() {
    let worker = |restart, time| Listed { name: "a", is_supervisor: false, restart, time };
    let (first, second) = (worker(Restart::Permanent, 1), worker(Restart::Transient, 2));
    let pid = |number: u64| State::Running(Pid::from_raw(1 << 32 | number));
    let before = [first.stood(true, pid(1)), second.stood(true, pid(2)), first.stood(false, pid(3))];
    let list = [first.clone(), second.clone(), first.clone()];
    let listed = names(&list[..2]);
    let lots: Vec<_> =
        inherit(&before, &listed, &children(&list), false).iter().map(|heir| (heir.state, heir.lot)).collect();
    assert_eq!(lots, [(pid(1), Lot::Stays), (pid(2), Lot::Stays), (pid(3), Lot::Stays), (State::Waiting, Lot::Added)]);
    // One that has ended for good does not come back.
    let left = inherit(&before[1..2], &listed, &children(&list[..2]), false);
    assert_eq!(left.len(), 1);
}

#[test]
fn a_child_of_a_template_is_made_anew_of_its_argument_and_without_one_it_is_not_started_again() {
    use super::template::Template;
    let named = Listed { name: "room", is_supervisor: false, restart: Restart::Permanent, time: 1 };
    let running = State::Running(Pid::from_raw(1 << 32 | 1));
    let argument = rmp_serde::to_vec_named("blue").expect("text");
    let stood = |state| Stood { argument: Some(argument.clone().into()), ..named.stood(false, state) };
    let before = [stood(running), stood(State::Restarting)];
    let heirs = |template: Option<&Template>| {
        super::inherit::inherit(&before, &[], Now { list: &[], template, are_names_identities: false })
    };
    let made =
        Template::new(|name: String| Child::new(format!("{name} room"), || async {}).restart(Restart::Transient));
    let made: Vec<_> = heirs(Some(&made))
        .expect("a child")
        .into_iter()
        .map(|heir| (heir.child.restart, heir.state, heir.child.name))
        .collect();
    let name = || std::sync::Arc::from("blue room");
    assert_eq!(made, [(Restart::Transient, running, name()), (Restart::Transient, State::Restarting, name())]);
    let without: Vec<_> =
        heirs(None).expect("no template").into_iter().map(|heir| (heir.child.restart, heir.state)).collect();
    assert_eq!(without, [(Restart::Temporary, running)]);
    let other = Template::new(|number: u64| Child::new(number.to_string(), || async {}));
    assert!(heirs(Some(&other)).is_err_and(|error| error.contains("takes no such argument")));
    let panics = Template::new(|_: String| -> Child { panic!("not that room") });
    assert!(heirs(Some(&panics)).is_err_and(|error| error.contains("not that room")));
}

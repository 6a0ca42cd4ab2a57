//! The ways from one release to another on which a node is killed, and has calls fail.
//!
//! ```text
//! confirmed   first ─ upgrade --confirm-within ─► next, on probation ─ confirm ─► next
//! told back   first ─ upgrade --confirm-within ─► barrier, on probation ─ rollback ─► first      all processes move at once, forth and back
//! fails       first ─ upgrade ─► failing: its move fails ─► first
//! by hand     first ─ rollback ─► old
//! ```
//!
//! What is the same on two of them is cut on the first. Of the others, each thing that the record says is cut once: what is written is written alike.

use crate::calls::{BEGIN, Call, DONE, NOTHING, states};
use std::collections::BTreeSet;
use system_tests::cli::Said;
use system_tests::shelf::{Case, Release, Shelf};
use system_tests::workspace;

/// "Failed and rolled back".
pub(crate) const ROLLED_BACK: i32 = 10;
/// See the file's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Confirmed,
    ToldBack,
    Fails,
    ByHand,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Confirmed, Self::ToldBack, Self::Fails, Self::ByHand];

    /// What the record says when it is cut: the steps, in their order.
    pub(crate) fn cut(self) -> &'static [&'static str] {
        match self {
            Self::Confirmed => {
                &[BEGIN, "check", "before", "prepare", "rehearse", "switch", "move", "health", "probation", "commit"]
            }
            Self::ToldBack => &["rehearse", "switch", "move", "health", "probation", "roll-back"],
            Self::Fails => &["move", "roll-back"],
            Self::ByHand => &[BEGIN, "check", "before", "prepare", "rehearse", "switch", "move", "commit"],
        }
    }

    /// Goes it, as a person would; all that was said, and how the last command ended. One that does not end well is the last.
    pub(crate) fn go(self, case: &Case<'_>, shelf: &Shelf) -> Said {
        let (first, then) = match self {
            Self::Confirmed => (case.upgrade(&shelf.next, &["--confirm-within", "10m"]), "confirm"),
            Self::ToldBack => (case.upgrade(barrier(shelf), &["--confirm-within", "10m"]), "rollback"),
            Self::Fails => return case.upgrade(failing(shelf), &[]),
            Self::ByHand => return case.say(&["rollback", &shelf.old]),
        };
        if first.code != 0 {
            return first;
        }
        let said = case.say(&[then]);
        let both = |first: String, said: &str| first + said;
        Said { code: said.code, stdout: both(first.stdout, &said.stdout), stderr: both(first.stderr, &said.stderr) }
    }

    /// How it ends, when nobody spoils it.
    pub(crate) fn code(self) -> i32 {
        if self == Self::Fails { ROLLED_BACK } else { 0 }
    }

    /// The version and the build that serve when it has ended so.
    pub(crate) fn ends_at(self, shelf: &Shelf) -> (&str, &str) {
        match self {
            Self::Confirmed => (&shelf.next.version, shelf.next.build),
            Self::ToldBack | Self::Fails => (&shelf.first.version, shelf.first.build),
            Self::ByHand => (&shelf.old, "a"),
        }
    }

    /// The same once more, to where it leads if nothing is in the way: until it has taken effect. Returns the version and the build that serve then.
    pub(crate) fn again<'a>(self, case: &Case<'_>, shelf: &'a Shelf) -> (&'a str, &'a str) {
        let to = match self {
            Self::Confirmed => &shelf.next,
            Self::ToldBack => barrier(shelf),
            Self::Fails => failing(shelf),
            Self::ByHand => {
                succeed(&self.go(case, shelf));
                return self.ends_at(shelf);
            }
        };
        // What was told to go back comes again when it is forced to.
        let mut said = case.upgrade(to, &["--force"]);
        // Its one failure may be still to come, and then comes in the rehearsal or in the move.
        if self == Self::Fails && said.code != 0 {
            said = case.upgrade(to, &[]);
        }
        succeed(&said);
        (&to.version, to.build)
    }

    /// Of the calls of all of it, those where it is cut.
    pub(crate) fn cuts(self, calls: &[Call], steps: &[String]) -> Vec<Call> {
        let is_cut = |state: &str| match state {
            NOTHING => self == Self::Confirmed,
            DONE => true,
            step => self.cut().contains(&step),
        };
        let states = states(calls, steps).into_iter().filter(|(state, _)| is_cut(state));
        let cut = |(_, calls): (String, Vec<Call>)| match self {
            Self::Confirmed | Self::Fails => once_each(calls),
            Self::ToldBack | Self::ByHand => calls.into_iter().find(Call::changes).into_iter().collect(),
        };
        states.flat_map(cut).collect()
    }
}

/// A file that is read in pieces is read once.
fn once_each(mut calls: Vec<Call>) -> Vec<Call> {
    let mut seen = BTreeSet::new();
    calls.retain(|call| call.changes() || seen.insert((call.name.clone(), call.file().to_owned())));
    calls
}

fn succeed(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
}

fn barrier(shelf: &Shelf) -> &Release {
    shelf.barrier.as_ref().expect("a full shelf")
}

fn failing(shelf: &Shelf) -> &Release {
    shelf.failing.as_ref().expect("a full shelf")
}

/// All steps of the code, which the compiler has named there, each once.
fn steps_of_the_code() -> BTreeSet<String> {
    let path = workspace::root().join("runtime/src/upgrade/step.rs");
    let source = std::fs::read_to_string(&path).expect("the steps' source");
    let (_, variants) = source.split_once("enum Step {\n").expect("an enum");
    let (variants, functions) = variants.split_once("\n}\n").expect("its end");
    let name = |line: &str| {
        let (_, name) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
        name.strip_suffix("\",").map(str::to_owned)
    };
    let names: BTreeSet<_> = functions.lines().filter_map(name).collect();
    assert_eq!(names.len(), variants.lines().filter(|line| !line.trim().starts_with("//")).count(), "{source}");
    names
}

#[test]
fn each_step_of_the_code_is_cut_on_one_of_the_ways() {
    let cut: BTreeSet<_> = Way::ALL.iter().flat_map(|way| way.cut()).map(|step| (*step).to_owned()).collect();
    let mut steps = steps_of_the_code();
    steps.insert(BEGIN.to_owned());
    assert_eq!(cut, steps, "a step that is new has a way on which a node is killed in it");
}

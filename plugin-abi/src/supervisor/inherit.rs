//! What becomes of a supervisor's children when it moves to another version: the children that it had and the list that the other version
//! has, put together. Pure; `inherit_tests.rs` has the model it is tested against.
//!
//! ```text
//!                     in the other version's list            not in it
//! had, in the list    stays, with the list's settings        runs: leaves, stopped when the upgrade is done; else forgotten
//! had, of a template  -                                      stays, as the other version's template makes it; if there is none: as added by hand
//! had, added by hand  stays, with the list's settings        runs: stays, and is not started again; else forgotten
//! had, and no more    forgotten, as it was                   -
//! never had           added, started before the upgrade is   -
//!                     done
//! ```
//!
//! A child that stays under its name and is something else in the other version (another kind, a server of another state) is *another*: what runs
//! is stopped when the upgrade is done, and what it is now starts.
//!
//! Order: that of the list; each that is not in it stands behind the one that it stood behind.
//!
//! Invariants:
//! - No child that runs is lost, whatever the lists say: it is among the heirs until it is stopped or has ended.
//! - There and back again, nothing having started or stopped meanwhile, gives the children that there were.

use super::child::{Child, ChildKind, Restart, Shutdown};
use super::plan::{Lot, State};
use super::template::Template;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::{HashMap, VecDeque};

/// A child as its supervisor's version before knew it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stood {
    pub(super) name: String,
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) kind: ChildKind,
    /// The name of its state, if it is a server that moves.
    pub(super) process: Option<String>,
    /// What a template has made it of.
    #[serde(default)]
    pub(super) argument: Option<ByteBuf>,
    /// It was in the version's list; else somebody has added it.
    pub(super) is_listed: bool,
    pub(super) state: State,
}

/// A child in the other version.
#[derive(Clone, Debug)]
pub(super) struct Heir {
    pub(super) child: Child,
    pub(super) state: State,
    pub(super) lot: Lot,
    pub(super) is_listed: bool,
}

/// What the other version has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now<'a> {
    pub(super) list: &'a [Child],
    pub(super) template: Option<&'a Template>,
    /// False in dynamic supervisors, where a name is given many times.
    pub(super) are_names_identities: bool,
}

/// `listed`: the names of the list before.
///
/// # Errors
/// The template makes nothing of a child's argument: why.
pub(super) fn inherit(before: &[Stood], listed: &[String], now: Now<'_>) -> Result<Vec<Heir>, String> {
    let Now { list, template, are_names_identities } = now;
    let mut unclaimed: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (index, child) in list.iter().enumerate() {
        unclaimed.entry(&child.name).or_default().push_back(index);
    }
    let mut claims: Vec<Option<&Stood>> = vec![None; list.len()];
    // Behind which of the list; 0: before all.
    let mut behind: Vec<Vec<Heir>> = vec![Vec::new(); list.len() + 1];
    let mut last = 0;
    for stood in before {
        let claimed = unclaimed.get_mut(stood.name.as_str()).filter(|_| are_names_identities || stood.is_listed);
        match claimed.and_then(VecDeque::pop_front) {
            Some(index) => {
                claims[index] = Some(stood);
                last = index + 1;
            }
            None => behind[last].extend(match (template, &stood.argument) {
                (Some(template), Some(argument)) => {
                    Some(Heir { is_listed: false, ..staying(stood, &template.child(argument)?) })
                }
                _ => unlisted(stood),
            }),
        }
    }
    let mut forgotten = forgotten(before, listed);
    let mut behind = behind.into_iter();
    let mut heirs = behind.next().unwrap_or_default();
    for ((child, claim), behind) in list.iter().zip(claims).zip(behind) {
        heirs.extend(match claim {
            Some(stood) => Some(staying(stood, child)),
            None if take(&mut forgotten, &child.name) => None,
            None => Some(Heir { child: child.clone(), state: State::Waiting, lot: Lot::Added, is_listed: true }),
        });
        heirs.extend(behind);
    }
    Ok(heirs)
}

fn staying(stood: &Stood, child: &Child) -> Heir {
    let is_another = stood.kind != child.kind || stood.process.as_deref() != child.state.as_deref();
    let lot = match stood.state {
        State::Running(_) if is_another => Lot::Another,
        State::Waiting => Lot::Added,
        _ => Lot::Stays,
    };
    Heir { child: child.clone(), state: stood.state, lot, is_listed: true }
}

/// One that is not in the list, if it runs.
fn unlisted(stood: &Stood) -> Option<Heir> {
    let State::Running(_) = stood.state else { return None };
    let lot = if stood.is_listed { Lot::Leaves } else { Lot::Stays };
    Some(Heir { child: Child::unknown(stood), state: stood.state, lot, is_listed: stood.is_listed })
}

/// How many of each name were in the list before and are there no more.
fn forgotten<'a>(before: &[Stood], listed: &'a [String]) -> HashMap<&'a str, usize> {
    let mut forgotten: HashMap<&str, usize> = HashMap::new();
    listed.iter().for_each(|name| *forgotten.entry(name).or_default() += 1);
    for stood in before.iter().filter(|stood| stood.is_listed) {
        take(&mut forgotten, &stood.name);
    }
    forgotten
}

/// One less of it; false: there is none.
fn take(counts: &mut HashMap<&str, usize>, name: &str) -> bool {
    match counts.get_mut(name) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

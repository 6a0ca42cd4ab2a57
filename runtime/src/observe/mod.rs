//! What a person sees of the processes: lists, shares, trees, stacks. Nothing here runs on a scheduler.
//!
//! The process table is walked in short steps with pauses between ([`pace`]), and without locks that schedulers take: on a million
//! processes, others are not delayed by more than a step.

mod call;
mod current;
mod files;
mod kill;
mod known;
mod list;
mod memory;
mod namer;
mod pace;
mod profile;
mod send;
mod stack;
mod symbols;
mod top;
mod totals;
mod trace;
mod tree;
mod unwind;

pub(crate) use call::call;
pub(crate) use current::{info, tell_functions};
pub(crate) use kill::kill;
pub(crate) use list::{all, list, walk};
pub(crate) use memory::resident_bytes;
pub(crate) use pace::Pace;
pub(crate) use profile::profile;
pub(crate) use send::send;
pub(crate) use stack::{of_panic, stack};
pub(crate) use top::top;
pub(crate) use totals::totals;
pub(crate) use trace::trace;
pub(crate) use tree::trees;

/// Why nothing can be said of a pid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoProcess {
    #[error("{0:?} is no pid; pids look like <12.3>, or 12.3")]
    Malformed(String),
    #[error("there is no process {0}: it has ended, or never was")]
    Gone(String),
    #[error("there is no version {0}: nothing of it lives")]
    NoVersion(String),
    #[error("{0} traces go on already; one of them must end first")]
    Traces(usize),
    #[error("{0} is the node's own, and cannot be killed")]
    Own(String),
    #[error(
        "{0} does not give way, and no more threads may be frozen than are: it ends when it gives way, or with the node"
    )]
    Unstoppable(String),
    #[error("{0} does not take it: {1}")]
    Refused(String, String),
    #[error("{0} did not get a processor in time to be looked at; the node is overloaded")]
    Late(String),
    #[error("{0} cannot be looked at: {1}")]
    Unreadable(String, String),
}

impl NoProcess {
    /// What to do next.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Malformed(_) | Self::Gone(_) => "cargo system ps lists those that are there",
            Self::NoVersion(_) => "cargo system status lists those that live",
            Self::Traces(_) => "wait until one has ended, or end the command that shows it",
            Self::Own(_) => "cargo system stop stops the node",
            Self::Unstoppable(_) => {
                "cargo system stack shows where it stands; a restart of the node gives back what was frozen"
            }
            Self::Late(_) => "try it again; cargo system top shows who uses the processors",
            Self::Unreadable(..) => "try it again; is the version's file still in the node's folder?",
            Self::Refused(..) => return None,
        })
    }
}

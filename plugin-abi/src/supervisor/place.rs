//! Where a supervisor stands in the application's tree: the names from the root down to it. By that another version finds it again.
//!
//! Only what each version can make has a place: a supervisor of its list, and one that a template makes of an argument. Supervisors that were
//! started by hand, or by [`start_child`](super::SupervisorRef::start_child), have none, nor has one of the list of a dynamic one, where names are no
//! identities.

use super::child::Child;
use super::{Strategy, Supervisor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::fmt;

/// See the file's head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place(Vec<Step>);

/// From a supervisor to one below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    name: String,
    /// Of the supervisor's template.
    argument: Option<ByteBuf>,
}

impl Place {
    pub(super) fn root() -> Self {
        Self::default()
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Of a child.
    pub(super) fn below(&self, child: &Child) -> Self {
        let argument = child.argument.as_deref().map(|argument| ByteBuf::from(argument.to_vec()));
        let mut place = self.clone();
        place.0.push(Step { name: child.name.to_string(), argument });
        place
    }

    /// What stands there in a tree.
    pub(super) fn find(&self, root: Supervisor) -> Option<Supervisor> {
        self.0.iter().try_fold(root, |supervisor, step| step.child(&supervisor)?.as_supervisor().cloned())
    }
}

impl Step {
    fn child(&self, supervisor: &Supervisor) -> Option<Child> {
        if let Some(argument) = &self.argument {
            return supervisor.template.as_ref()?.child(argument).ok();
        }
        let named = supervisor.children.iter().find(|child| *child.name == *self.name);
        named.filter(|_| supervisor.strategy != Strategy::Dynamic).cloned()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str("the root supervisor");
        }
        let names: Vec<_> = self.0.iter().map(|step| step.name.as_str()).collect();
        write!(f, "supervisor {}", names.join("/"))
    }
}

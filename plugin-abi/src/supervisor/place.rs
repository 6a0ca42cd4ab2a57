//! Where a supervisor stands in the application's tree: the names from the root down to it. By that another version finds it again.
//!
//! Only what every version's tree is made of has a place: supervisors that were started by hand, or by
//! [`start_child`](super::SupervisorRef::start_child), have none, nor has what is below a dynamic one, where names are no identities.

use super::{Strategy, Supervisor};
use serde::{Deserialize, Serialize};
use std::fmt;

/// See the file's head.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place(Vec<String>);

impl Place {
    pub(super) fn root() -> Self {
        Self::default()
    }

    pub(super) fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Of the child of that name.
    pub(super) fn below(&self, name: &str) -> Self {
        Self([self.0.as_slice(), &[name.to_owned()]].concat())
    }

    /// What stands there in a tree.
    pub(super) fn find<'a>(&self, root: &'a Supervisor) -> Option<&'a Supervisor> {
        self.0.iter().try_fold(root, |supervisor, name| {
            let mut named = supervisor.children.iter().filter(|child| *child.name == **name);
            let child = named.next().filter(|_| supervisor.strategy != Strategy::Dynamic)?;
            child.as_supervisor()
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str("the root supervisor") } else { write!(f, "supervisor {}", self.0.join("/")) }
    }
}

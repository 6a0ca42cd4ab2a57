//! Who is below whom.

use super::reference::{ChildInfo, SupervisorRef};
use crate::call::CallError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::pin::Pin;

/// A child and all that is below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// The child.
    pub child: ChildInfo,
    /// Its children, first to last, if it is a supervisor that answered.
    pub children: Vec<Tree>,
}

impl SupervisorRef {
    /// All that is below this supervisor. Supervisors that end meanwhile have no children in it.
    ///
    /// # Errors
    /// See [`CallError`]: this supervisor itself does not answer.
    ///
    /// # Panics
    /// Outside of a process.
    pub async fn tree(&self) -> Result<Vec<Tree>, CallError> {
        let children = self.which_children().await?;
        let mut trees = Vec::with_capacity(children.len());
        for child in children {
            let children = match child.supervisor() {
                Some(below) => below.boxed_tree().await.unwrap_or_default(),
                None => Vec::new(),
            };
            trees.push(Tree { child, children });
        }
        Ok(trees)
    }

    /// A tree is as deep as it is.
    fn boxed_tree(self) -> Pin<Box<dyn Future<Output = Result<Vec<Tree>, CallError>> + Send>> {
        Box::pin(async move { self.tree().await })
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}

impl Tree {
    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let pid = self.child.pid.map_or_else(|| "-".to_owned(), |pid| pid.to_string());
        writeln!(f, "{:indent$}{} {pid}", "", self.child.name, indent = 2 * depth)?;
        self.children.iter().try_for_each(|child| child.write(f, depth + 1))
    }
}

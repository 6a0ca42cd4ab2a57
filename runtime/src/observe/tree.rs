//! Who has started whom, from each version's root process down: an application's supervisors, their children, and what those have started.

use super::list::walk;
use super::stack::behind_others;
use crate::image::Image;
use crate::process::{Handle, Pid, table};
use crate::protocol::{TreeNode, VersionTree};
use parking_lot::Mutex;

/// So many children of one process are listed.
const CHILDREN_MAX: usize = 100;
/// So deep, and so many processes in all.
const DEPTH_MAX: usize = 64;
const NODES_MAX: usize = 10_000;

/// The trees of these images, each with its root, if it has one, and whether it is current.
pub(crate) fn trees<'a>(images: impl Iterator<Item = (&'a Image, Option<Pid>, bool)>) -> Vec<VersionTree> {
    let mut ties = Vec::new();
    walk(|process| ties.extend(process.parent().map(|parent| (parent, process.pid()))));
    let (ties, images) = (Mutex::new(ties), images.collect::<Vec<_>>());
    let grow = || grown(std::mem::take(&mut ties.lock()), &images);
    // Refused a thread, it is done here.
    behind_others(grow).unwrap_or_else(|_| grow())
}

/// Not in steps: it takes a million ties some 100 ms to be sorted.
fn grown(mut ties: Vec<(Pid, Pid)>, images: &[(&Image, Option<Pid>, bool)]) -> Vec<VersionTree> {
    ties.sort_unstable();
    let mut family = Family { ties, left: NODES_MAX };
    let tree = |(image, root, is_current): &(&Image, Option<Pid>, bool)| VersionTree {
        version: image.version.to_owned(),
        state: if *is_current { "current" } else { "draining" }.to_owned(),
        processes: image.processes.get(),
        root: root.and_then(table::find).filter(|root| root.state.is_alive()).map(|root| family.node(&root, 0)),
    };
    images.iter().map(tree).collect()
}

/// Parent and child, sorted; and how many nodes may still be listed.
struct Family {
    ties: Vec<(Pid, Pid)>,
    left: usize,
}

impl Family {
    fn children(&self, parent: Pid) -> Vec<Pid> {
        let begin = self.ties.partition_point(|(other, _)| *other < parent);
        self.ties[begin..].iter().take_while(|(other, _)| *other == parent).map(|(_, child)| *child).collect()
    }

    fn node(&mut self, process: &Handle, depth: usize) -> TreeNode {
        let below = self.children(process.pid());
        let room = if depth < DEPTH_MAX { CHILDREN_MAX.min(self.left) } else { 0 };
        let listed = below.len().min(room);
        self.left -= listed;
        let children: Vec<_> = below[..listed]
            .iter()
            .filter_map(|child| table::find(*child).filter(|child| child.state.is_alive()))
            .map(|child| self.node(&child, depth + 1))
            .collect();
        TreeNode {
            pid: process.pid().to_string(),
            names: process
                .fate
                .if_open(|books| books.names.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            process_type: process.type_name().to_owned(),
            version: process.image().version.to_owned(),
            children,
            more: (below.len() - listed) as u64,
        }
    }
}

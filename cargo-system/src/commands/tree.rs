//! `tree`: who has started whom.

use super::version::{ask, something_else};
use crate::answers::Answer;
use crate::context::Context;
use crate::counted::{Thing, counted};
use crate::failure::Failure;
use crate::{output, shown};
use runtime::protocol::{Command, Outcome, TreeNode, Trees};
use std::fmt::Write as _;

pub(super) fn tree(context: &Context) -> Result<(), Failure> {
    match ask(context, Command::Tree)? {
        Outcome::Tree(trees) if context.json() => output::json(Answer::Tree(trees)),
        Outcome::Tree(trees) => output::line(render(&trees).trim_end()),
        _ => return Err(something_else()),
    }
    Ok(())
}

fn render(trees: &Trees) -> String {
    let mut text = String::new();
    for tree in &trees.versions {
        let _ = writeln!(text, "{} {}, {}", tree.version, tree.state, counted(tree.processes, Thing::Process));
        match &tree.root {
            Some(root) => branch(&mut text, root, &tree.version, "", ""),
            None => text.push_str("no root process\n"),
        }
        text.push('\n');
    }
    text
}

/// `first` stands before the node itself, `rest` before what is below it.
fn branch(text: &mut String, node: &TreeNode, version: &str, first: &str, rest: &str) {
    let names = if node.names.is_empty() { String::new() } else { format!("{} ", node.names.join(" ")) };
    let elsewhere = if node.version == version { String::new() } else { format!(" on {}", node.version) };
    let what = shown::cut(&format!("{names}{}", node.process_type), 100);
    let _ = writeln!(text, "{first}{} {what}{elsewhere}", node.pid);
    for (place, child) in node.children.iter().enumerate() {
        let is_last = place + 1 == node.children.len() && node.more == 0;
        let (tick, below) = if is_last { ("└ ", "  ") } else { ("├ ", "│ ") };
        branch(text, child, version, &format!("{rest}{tick}"), &format!("{rest}{below}"));
    }
    if node.more > 0 {
        let _ = writeln!(text, "{rest}└ {} more", node.more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::protocol::VersionTree;

    fn node(pid: &str, children: Vec<TreeNode>) -> TreeNode {
        TreeNode {
            pid: pid.to_owned(),
            names: Vec::new(),
            process_type: "app::Worker".to_owned(),
            version: "1.0.0".to_owned(),
            children,
            more: 0,
        }
    }

    #[test]
    fn branches_are_drawn() {
        let mut inner = node("<2.1>", vec![node("<4.1>", Vec::new())]);
        inner.more = 7;
        let mut named = node("<3.1>", vec![node("<5.1>", Vec::new())]);
        named.names = vec!["desk".to_owned()];
        named.version = "0.9.0".to_owned();
        let root = node("<1.1>", vec![inner, named]);
        let tree = |root| VersionTree { version: "1.0.0".to_owned(), state: "current".to_owned(), processes: 5, root };
        let expected = "\
1.0.0 current, 5 processes
<1.1> app::Worker
├ <2.1> app::Worker
│ ├ <4.1> app::Worker
│ └ 7 more
└ <3.1> desk app::Worker on 0.9.0
  └ <5.1> app::Worker

1.0.0 current, 5 processes
no root process

";
        assert_eq!(render(&Trees { versions: vec![tree(Some(root)), tree(None)] }), expected);
    }
}

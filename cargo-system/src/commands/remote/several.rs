//! `upgrade` and `deploy` of nodes elsewhere, one after the other. The first failure stops it: those behind are not begun.

use super::goods::Goods;
use super::visit::{at, visit};
use crate::answers::{Answer, Done, Everywhere, Nodes};
use crate::cli::{Making, Place, Serving, Waiting};
use crate::commands::dry_run;
use crate::commands::upgrade::{self, Wish};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use std::path::Path;

/// What is wanted of each node.
pub(in crate::commands) struct Errand<'a> {
    /// Instead of a build.
    pub(in crate::commands) release: Option<&'a Path>,
    pub(in crate::commands) wish: Wish,
    pub(in crate::commands) dry_run: bool,
    /// The plan is to go into a file.
    pub(in crate::commands) has_out: bool,
    pub(in crate::commands) waiting: Waiting,
    pub(in crate::commands) making: &'a Making,
    /// `deploy`: where there is no node, one is started so.
    pub(in crate::commands) serving: Option<Serving>,
}

/// Does it.
pub(in crate::commands) fn run(context: &Context, errand: &Errand<'_>) -> Result<(), Failure> {
    let nodes = &context.global.node;
    let is_remote = |node: &Place| matches!(node, Place::Remote(_));
    if errand.serving.is_some() && (nodes.is_empty() || !nodes.iter().all(is_remote)) {
        return Err(Failure::new(
            ExitCode::Usage,
            "deploy puts a release onto another machine: --node ssh://[user@]host[:port]/path",
        )
        .hint("on this machine: cargo system release --out FOLDER && FOLDER/bin/<name> daemon"));
    }
    if errand.has_out {
        return Err(Failure::new(
            ExitCode::Usage,
            "a plan in a file is carried out on the node's own machine, and for one node",
        )
        .hint("--dry-run --json prints it"));
    }
    let goods = Goods::new(context, errand.release, errand.making);
    for (number, node) in nodes.iter().enumerate() {
        begin(context, nodes, number);
        let context = context.of(node);
        let done = match node {
            Place::Remote(address) => visit(&context, address, &goods, errand),
            Place::Folder(path) => here(&context, &goods, errand).map_err(|failure| at(&path.display(), failure)),
        };
        done.map_err(|failure| stopped(failure, nodes, number))?;
    }
    conclude(context, nodes, errand);
    Ok(())
}

/// On this machine, as ever, but for the release, which is the same for all.
fn here(context: &Context, goods: &Goods<'_>, errand: &Errand<'_>) -> Result<(), Failure> {
    let mut progress = Progress::new(context.json());
    let made = goods.get(None, &mut progress);
    progress.finish();
    let release = Some(made?.root());
    let unused = Making::default();
    match errand.dry_run {
        true => dry_run::dry_run(context, release, errand.wish.clone(), None, &unused),
        false => upgrade::upgrade(context, release, errand.wish.clone(), errand.waiting, &unused),
    }
}

fn begin(context: &Context, nodes: &[Place], number: usize) {
    if nodes.len() > 1 && !context.json() {
        output::note(&format!("{} of {}: {}", number + 1, nodes.len(), name(&nodes[number])));
    }
}

fn name(node: &Place) -> String {
    node.to_arg().to_string_lossy().into_owned()
}

fn names(nodes: &[Place]) -> Vec<String> {
    nodes.iter().map(name).collect()
}

/// Says of the others what has become of them.
fn stopped(mut failure: Failure, nodes: &[Place], number: usize) -> Failure {
    if nodes.len() == 1 {
        return failure;
    }
    let (done, rest) = nodes.split_at(number);
    let (done, failed, left) = (names(done), name(&rest[0]), names(&rest[1..]));
    let list = |what: &str, names: &[String]| match names {
        [] => String::new(),
        names => format!("  {what}: {}\n", names.join(", ")),
    };
    let lists = [list("done", &done), list("failed", std::slice::from_ref(&failed)), list("not begun", &left)].concat();
    let details = failure.more.details.take().map(|details| format!("{details}\n")).unwrap_or_default();
    failure.more.details = Some((details + lists.trim_end()).into());
    failure.more.nodes = Some(Nodes { done, failed: vec![failed], not_begun: left });
    failure
}

fn conclude(context: &Context, nodes: &[Place], errand: &Errand<'_>) {
    if nodes.len() == 1 {
        return;
    }
    let done = names(nodes);
    let outcome = if errand.dry_run { "planned" } else { "done" };
    if context.json() {
        let answer = if errand.dry_run { Answer::EverywherePlanned } else { Answer::EverywhereDone };
        let nodes = Nodes { done, failed: Vec::new(), not_begun: Vec::new() };
        output::json(answer(Done::new(Everywhere { nodes })));
    } else {
        output::line(&format!("{outcome}: {}", done.join(", ")));
    }
}

//! `run`: build and serve the workspace's application. `start`: serve the release that the command belongs to.

use crate::builder::{self, Purpose};
use crate::cli::Serving;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::stage::Parts;
use crate::{interrupt, output, stage};
use runtime::release::store::Store;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

pub(super) fn run(context: &Context, serving: &Serving) -> Result<(), Failure> {
    let node = prepare(context)?;
    become_node(&node, serving)
}

/// Builds the workspace's application, so that its node boots it.
pub(super) fn prepare(context: &Context) -> Result<NodePath, Failure> {
    let application = context.application()?;
    let node = context.node()?;
    node.refuse_running()?;
    let objects = builder::build(&application, Purpose::Upgrade, None).map_err(Failure::no_refusal)?;
    // Another one may have started while cargo built: what boots is its business then.
    node.refuse_running()?;
    let store = Store::new(node.layout.clone());
    let parts = Parts { runtime_file: "", files: Vec::new(), settings: application.settings, sbom: None, signer: None };
    let manifest = stage::stage_build(&store, &application.name, &objects, parts).map_err(Failure::no_refusal)?;
    store.set_permanent(&manifest.version)?;
    interrupt::check()?;
    output::note(&format!("{} {} in {}", manifest.name, manifest.version, node.root()));
    Ok(node)
}

pub(super) fn start(context: &Context, serving: &Serving) -> Result<(), Failure> {
    let node = release_node(context, "start")?;
    node.refuse_running()?;
    become_node(&node, serving)
}

/// The node of the release that the command belongs to.
pub(super) fn release_node(context: &Context, command: &str) -> Result<NodePath, Failure> {
    let global = &context.global;
    if global.release_root.is_none() && global.node.is_empty() {
        return Err(Failure::new(ExitCode::Usage, format!("{command} belongs to a release: bin/<name> {command}"))
            .hint("cargo system run builds and starts the workspace's application"));
    }
    context.node()
}

/// What stands in the environment must not be added to what the arguments say.
pub(super) fn forget_surroundings(command: &mut Command) {
    for variable in ["PORT", "CARGO_SYSTEM_NODE", "CARGO_SYSTEM_METRICS", "CARGO_SYSTEM_LOG_FORMAT"] {
        command.env_remove(variable);
    }
}

/// This process becomes the node: same process id, same terminal. Returns only when that fails.
pub(super) fn become_node(node: &NodePath, serving: &Serving) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::error(format!("this executable cannot be run again: {error}"));
    let own = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(own);
    command.arg("node").arg("--root").arg(node.layout.root()).args(serving.to_args());
    forget_surroundings(&mut command);
    // What has come before is looked at now, and what comes later ends it: the node's own ears are not there yet.
    let _unguarded = interrupt::unguarded();
    interrupt::check()?;
    Err(failed(command.exec()))
}

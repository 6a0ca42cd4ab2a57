//! `run`: build and serve the workspace's application. `start`: serve the release that the command belongs to.

use crate::builder::{self, Purpose};
use crate::cli::{Global, Package, Serving};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::{self, NodePath};
use crate::workspace::Workspace;
use crate::{client, output, stage};
use runtime::release::store::Store;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

pub(super) fn run(global: &Global, package: &Package, serving: &Serving) -> Result<(), Failure> {
    let workspace = Workspace::load(global.manifest_path.as_deref())?;
    let plugin = workspace.plugin(package.package.as_deref())?;
    let node = node_path::find(global, package)?;
    refuse_running(&node)?;
    let object = builder::build(&plugin, Purpose::Upgrade).map_err(|failure| {
        let code = if failure.code == ExitCode::Refused { ExitCode::Error } else { failure.code };
        Failure { code, ..failure }
    })?;
    let store = Store::new(node.layout.clone());
    let manifest =
        stage::stage_build(&store, &object, "").map_err(|failure| Failure { code: ExitCode::Error, ..failure })?;
    store.set_permanent(&manifest.version).map_err(Failure::error)?;
    output::note(&format!("{} {} in {}", manifest.name, manifest.version, node.layout.root().display()));
    become_node(&node, serving)
}

pub(super) fn start(global: &Global, serving: &Serving) -> Result<(), Failure> {
    if global.release_root.is_none() && global.node.is_none() {
        return Err(Failure::new(ExitCode::Usage, "start belongs to a release: bin/<name> start")
            .hint("cargo system run builds and starts the workspace's application"));
    }
    let node = node_path::find(global, &Package::default())?;
    refuse_running(&node)?;
    become_node(&node, serving)
}

fn refuse_running(node: &NodePath) -> Result<(), Failure> {
    if !client::is_running(node) {
        return Ok(());
    }
    Err(Failure::error(format!("a node runs in {} already", node.layout.root().display()))
        .hint("cargo system upgrade changes its code; cargo system stop stops it"))
}

/// This process becomes the node: same process id, same terminal. Returns only when that fails.
fn become_node(node: &NodePath, serving: &Serving) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::error(format!("this executable cannot be run again: {error}"));
    let own = std::env::current_exe().map_err(failed)?;
    let mut command = Command::new(own);
    command.arg("node").arg("--root").arg(node.layout.root()).args(serving.to_args());
    // Said by the arguments above; what stands in the environment must not be added to them.
    command.env_remove("PORT").env_remove("CARGO_SYSTEM_NODE");
    Err(failed(command.exec()))
}

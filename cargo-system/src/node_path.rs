//! Which node: `--node`, else `CARGO_SYSTEM_NODE`, else the release's own, else the workspace's own.

use crate::cli::{Global, Package};
use crate::failure::Failure;
use crate::workspace::Workspace;
use runtime::release::layout::Layout;

/// The node's folder, and why that one.
#[derive(Debug)]
pub(crate) struct NodePath {
    pub(crate) layout: Layout,
    pub(crate) reason: &'static str,
}

/// Finds the node's folder. It need not exist.
pub(crate) fn find(global: &Global, package: &Package) -> Result<NodePath, Failure> {
    if let Some(path) = &global.node {
        return Ok(NodePath { layout: Layout::new(absolute(path)?), reason: "given by --node or CARGO_SYSTEM_NODE" });
    }
    if let Some(root) = &global.release_root {
        return Ok(NodePath { layout: Layout::new(absolute(root)?), reason: "the release's own" });
    }
    let workspace = Workspace::load(global.manifest_path.as_deref())?;
    let plugin = workspace.plugin(package.package.as_deref())?;
    Ok(NodePath { layout: workspace.node(&plugin.name), reason: "the workspace's own" })
}

fn absolute(path: &std::path::Path) -> Result<std::path::PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::error(format!("{} is no path: {error}", path.display())))
}

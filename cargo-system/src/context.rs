//! What every command starts from: the global options, and the workspace, which cargo is asked for at most once.

use crate::cli::{Global, Place};
use crate::client::{self, Client};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path::NodePath;
use crate::remote::Address;
use crate::workspace::{Application, Workspace};
use std::cell::OnceCell;
use std::path::Path;

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) global: Global,
    workspace: OnceCell<Workspace>,
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        Self { global, workspace: OnceCell::new() }
    }

    /// Print JSON?
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    /// The workspace of the current folder or of `--manifest-path`.
    pub(crate) fn workspace(&self) -> Result<&Workspace, Failure> {
        if let Some(workspace) = self.workspace.get() {
            return Ok(workspace);
        }
        let loaded = Workspace::load(self.global.manifest_path.as_deref())?;
        Ok(self.workspace.get_or_init(|| loaded))
    }

    /// The application that `--package` names, or the only one.
    pub(crate) fn application(&self) -> Result<Application, Failure> {
        self.workspace()?.application(self.global.package.as_deref(), std::env::current_dir().ok().as_deref())
    }

    /// The same, for a node that runs one of that name: where there are several, it is that one.
    pub(crate) fn application_of(&self, running: &str) -> Result<Application, Failure> {
        let name = self.global.package.as_deref().unwrap_or(running);
        let named = self.workspace()?.application(Some(name), None);
        named.or_else(|_| self.application())
    }

    /// Another machine's node, if it is one.
    pub(crate) fn address(&self) -> Result<Option<&Address>, Failure> {
        match self.given()? {
            Some(Place::Remote(address)) => Ok(Some(address)),
            _ => Ok(None),
        }
    }

    /// Several nodes, or one on another machine.
    pub(crate) fn is_elsewhere(&self) -> bool {
        let nodes = &self.global.node;
        nodes.len() > 1 || nodes.iter().any(|node| matches!(node, Place::Remote(_)))
    }

    /// The same, for one node.
    pub(crate) fn of(&self, node: &Place) -> Self {
        Self::new(Global { node: vec![node.clone()], ..self.global.clone() })
    }

    /// What `--node` says; an empty one says nothing.
    fn given(&self) -> Result<Option<&Place>, Failure> {
        match self.global.node.as_slice() {
            [] => Ok(None),
            [Place::Folder(path)] if path.as_os_str().is_empty() => Ok(None),
            [one] => Ok(Some(one)),
            [_, ..] => Err(Failure::new(ExitCode::Usage, "this command takes one --node")
                .hint("upgrade and deploy take several, one after the other")),
        }
    }

    /// Which node: `--node`, else the release's own, else `CARGO_SYSTEM_NODE`, else the workspace's own. It need not exist.
    ///
    /// clap reads the variable into `--node`, but not for a release's command: that one speaks of its own node.
    pub(crate) fn node(&self) -> Result<NodePath, Failure> {
        if let Some(address) = self.address()? {
            return Err(Failure::new(
                ExitCode::Usage,
                format!("{address} is on another machine, and this is done on its own"),
            )
            .hint(format!("call it there: {}", address.by_hand())));
        }
        if let Some(Place::Folder(path)) = self.given()? {
            return NodePath::new(path, "given by --node or CARGO_SYSTEM_NODE", "cargo system");
        }
        if let Some(root) = &self.global.release_root {
            return NodePath::new(root, "the release's own", &release_command(root));
        }
        let application = self.application()?;
        NodePath::new(&self.workspace()?.node(&application.name), "the workspace's own", "cargo system")
    }

    /// The node, connected.
    pub(crate) fn connect(&self) -> Result<Client, Failure> {
        client::connect(&self.node()?)
    }
}

/// What a person calls a release's command: `bin/<name>`.
pub(crate) fn release_command(root: &Path) -> String {
    let entries = std::fs::read_dir(root.join("bin")).into_iter().flatten().flatten();
    let names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    match names.as_slice() {
        [name] => format!("bin/{name}"),
        _ => "bin/<name>".to_owned(),
    }
}

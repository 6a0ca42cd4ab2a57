//! A node that goes up and down between two releases of a fixture.

use anyhow::Result;
use std::cell::Cell;
use system_tests::cli::Cli;
use system_tests::node::Node;
use system_tests::release::ReleaseFolder;
use system_tests::sandbox::Sandbox;

/// See the file's head.
#[derive(Debug)]
pub(super) struct UpAndDown {
    sandbox: Sandbox,
    pub(super) node: Node,
    /// The second, and the one that the node has begun with.
    releases: [ReleaseFolder; 2],
    upgrades: Cell<usize>,
}

impl UpAndDown {
    /// Starts a node with the releases of that workspace. In the second one, that file of the fixture has `to` in place of `from`.
    pub(super) fn start(sandbox: Sandbox, file: &str, from: &str, to: &str) -> Result<Self> {
        // A node's own folder says what boots there: what is upgraded to stands elsewhere.
        let (own, first) = (sandbox.release("own")?, sandbox.release("first")?);
        sandbox.edit(file, from, to)?;
        let releases = [sandbox.release("second")?, first];
        let node = sandbox.start(&own)?;
        Ok(Self { sandbox, node, releases, upgrades: Cell::new(0) })
    }

    /// The next upgrade, up or down, with this option if there is one.
    pub(super) fn upgrade(&self, option: Option<&str>) -> Cli {
        let release = &self.releases[self.upgrades.replace(self.upgrades.get() + 1) % 2];
        let words = ["upgrade", "--drain-wait", "0"].into_iter().chain(option).chain(["--release"]);
        self.sandbox.cli(words).args([release.root()]).env("CARGO_SYSTEM_NODE", self.node.root())
    }
}

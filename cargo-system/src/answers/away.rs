//! What is said of nodes on other machines, and of several, one after the other.

use runtime::protocol::Event;
use schemars::JsonSchema;
use serde::Serialize;

/// What happens on the way to a node on another machine.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Away {
    /// `upgrade`, `deploy`: what was missing there was sent.
    Sent {
        /// The node.
        node: String,
        /// Files that were sent.
        files: usize,
        /// Their bytes, of which those count that were sent now.
        bytes: u64,
        /// Bytes that an earlier try had sent.
        kept_bytes: u64,
        /// Files that were there.
        found: usize,
    },
    /// `upgrade`: the connection broke, and is tried again; the upgrade goes on there.
    Lost {
        /// The node.
        node: String,
        /// What ssh said.
        message: String,
    },
}

/// What happens there.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EventOf {
    /// The node.
    pub(crate) node: String,
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// Several nodes, and how far it has come.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Nodes {
    /// Those that it was done for.
    pub(crate) done: Vec<String>,
    /// The one that it failed for, if it did.
    pub(crate) failed: Vec<String>,
    /// Those that nothing was begun for.
    pub(crate) not_begun: Vec<String>,
}

/// What was done for several nodes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Everywhere {
    /// Which.
    pub(crate) nodes: Nodes,
}

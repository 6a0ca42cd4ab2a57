//! Where a service is: on which node, under which name.
//!
//! There is one node for now. What speaks to a service knows it by this reference alone, so that others can come.

use super::service::{Invoke, Service};
use plugin_abi::State;
use plugin_abi::server::ServerRef;
use plugin_abi::system::node_info;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A service answers at once, or something is wrong with it.
const PATIENCE: Duration = Duration::from_secs(1);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, State)]
pub(super) struct ServiceRef {
    pub(super) node: String,
    pub(super) name: String,
}

impl ServiceRef {
    /// The service of that name on this node.
    pub(super) fn here(name: &str) -> Self {
        Self { node: this_node(), name: name.to_owned() }
    }

    /// Its name in the node.
    pub(super) fn registered(&self) -> String {
        format!("service {}", self.name)
    }

    /// What it answers, or why it does not.
    pub(super) async fn invoke(&self) -> Result<String, String> {
        let Self { node, name } = self;
        if *node != this_node() {
            return Err(format!("{name}: there is no way to the node {node}"));
        }
        let service = ServerRef::<Service>::whereis(&self.registered());
        let service = service.ok_or_else(|| format!("{name}: no service has this name"))?;
        service.call_within(PATIENCE, Invoke).await.map_err(|error| format!("{name}: {error}"))
    }
}

fn this_node() -> String {
    node_info().map_or_else(|| "?".to_owned(), |node| node.name)
}

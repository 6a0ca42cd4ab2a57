//! A service: a process with a name, which answers.

use super::reference::ServiceRef;
use plugin_abi::server::{Context, Flow, Server};
use plugin_abi::{ExitReason, ReplyTo, State, register};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Service {
    myself: ServiceRef,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Invoke(pub(super) ReplyTo<String>);

impl Server for Service {
    type Argument = String;
    type Call = Invoke;
    type Cast = ();

    /// A name that another one has refuses the start.
    async fn init(name: String, context: &mut Context<Self>) -> Result<Self, ExitReason> {
        let myself = ServiceRef::here(&name);
        let registered = register(&myself.registered(), context.myself().pid());
        registered.map_err(|error| ExitReason::Error(error.to_string()))?;
        Ok(Self { myself })
    }

    async fn handle_call(&mut self, Invoke(reply): Invoke, _: &mut Context<Self>) -> Flow {
        let ServiceRef { node, name } = &self.myself;
        reply.send(format!("response from {name} on {node}"));
        Flow::Continue
    }
}

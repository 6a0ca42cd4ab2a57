//! `GET /ws/echo`: a WebSocket that sends back what it gets.

use axum::response::Response;
use plugin_abi::State;
use plugin_abi::server::Flow;
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use serde::{Deserialize, Serialize};

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Echo {})
}

#[derive(Serialize, Deserialize, State)]
pub(crate) struct Echo {}

impl Session for Echo {
    type Message = ();

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        context.send(message);
        Flow::Continue
    }
}

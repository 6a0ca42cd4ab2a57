//! A system page's session: shows what the watcher has seen, and asks for the next look.

use crate::html::escape;
use crate::shared::Shared;
use crate::watch::{self, Page};
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{State, version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A look that takes longer than this comes from nobody.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(System {})
}

/// See the file's head. The page itself has all there is.
#[derive(Serialize, Deserialize, State)]
pub(crate) struct System {}

impl Session for System {
    type Message = Shared;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        context.send(Message::Text(foot()));
        ask(context)
    }

    async fn moved(&mut self, context: &mut Context<Self>) {
        context.send(Message::Text(foot()));
    }

    /// The page has nothing to say.
    async fn handle_in(&mut self, _: Message, context: &mut Context<Self>) -> Flow {
        ask(context)
    }

    async fn handle_message(&mut self, seen: Shared, context: &mut Context<Self>) -> Flow {
        context.send(Message::Text(String::from(seen)));
        ask(context)
    }

    async fn handle_info(&mut self, _: Info, context: &mut Context<Self>) -> Flow {
        ask(context)
    }
}

fn ask(context: &mut Context<System>) -> Flow {
    watch::ask(Page::System(context.address()));
    Flow::Timeout(PATIENCE)
}

fn foot() -> String {
    format!("<p id=\"foot\" class=\"foot\">session on version {}</p>", escape(version()))
}

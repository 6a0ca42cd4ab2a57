//! A page's session: one process, as long as the page is open, from version to version.
//!
//! What is entered first is a name; all that comes then is said under it. If the room dies, so does the session: the page connects again, and
//! finds the room that its supervisor has started.

use crate::history::Line;
use crate::room::{Call, Cast, NAME, Room};
use axum::response::Response;
use plugin_abi::server::{Flow, Info, ServerRef};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{ExitReason, State, version};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// So many characters of a name, and of a line, are kept.
const NAME_LEN_MAX: usize = 30;
const TEXT_LEN_MAX: usize = 1_000;

#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct Chat {
    name: Option<String>,
}

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Chat::default())
}

impl Session for Chat {
    type Message = Line;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        let gone = || Flow::Stop(ExitReason::Error("there is no room".to_owned()));
        let Some(room) = ServerRef::<Room>::whereis(NAME) else { return gone() };
        context.monitor(room.pid());
        let me = context.address();
        let Ok(lines) = room.call(|reply| Call::Join(me, reply)).await else { return gone() };
        show_version(context);
        lines.iter().for_each(|line| show(context, line));
        Flow::Continue
    }

    async fn moved(&mut self, context: &mut Context<Self>) {
        show_version(context);
    }

    async fn handle_in(&mut self, message: Message, _: &mut Context<Self>) -> Flow {
        let Message::Text(text) = message else { return Flow::Continue };
        let text = text.trim();
        match &self.name {
            _ if text.is_empty() => {}
            None => self.name = Some(text.chars().take(NAME_LEN_MAX).collect()),
            Some(name) => {
                let line = Line { who: name.clone(), text: text.chars().take(TEXT_LEN_MAX).collect() };
                if let Some(room) = ServerRef::<Room>::whereis(NAME) {
                    // If it has just died, the session hears of it.
                    let _ = room.cast(Cast::Say(line));
                }
            }
        }
        Flow::Continue
    }

    async fn handle_message(&mut self, line: Line, context: &mut Context<Self>) -> Flow {
        show(context, &line);
        Flow::Continue
    }

    async fn handle_info(&mut self, info: Info, _: &mut Context<Self>) -> Flow {
        match info {
            Info::Down(_) => Flow::Stop(ExitReason::Error("the room has died".to_owned())),
            _ => Flow::Continue,
        }
    }
}

fn show(context: &mut Context<Chat>, line: &Line) {
    context.send(Message::Text(json!({ "who": line.who, "text": line.text }).to_string()));
}

fn show_version(context: &mut Context<Chat>) {
    context.send(Message::Text(json!({ "version": version() }).to_string()));
}

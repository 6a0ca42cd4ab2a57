//! A top page's session.

use super::view;
use crate::html::escape;
use crate::shared::Shared;
use crate::watch::{self, Page};
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::websocket::{Context, Message, Session, SessionRef, WebSocketUpgrade};
use plugin_abi::{Pid, State, inside, spawn, version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A look takes a second; one that takes longer than this comes from nobody.
const PATIENCE: Duration = Duration::from_secs(5);
const TRACE: Duration = Duration::from_secs(2);
const TRACE_LEN: u32 = 100;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Top {})
}

/// See the file's head. The page itself has all there is.
#[derive(Serialize, Deserialize, State)]
pub(crate) struct Top {}

/// What others tell the session.
#[derive(Serialize, Deserialize)]
pub(crate) enum Heard {
    /// The processes, as HTML.
    Seen(Shared),
    /// What has come of a question, as HTML.
    Answer(String),
}

/// A click: on whom.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Click {
    Info(Pid),
    Trace(Pid),
    Kill(Pid),
}

impl Session for Top {
    type Message = Heard;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        context.send(Message::Text(foot()));
        ask(context)
    }

    async fn moved(&mut self, context: &mut Context<Self>) {
        context.send(Message::Text(foot()));
    }

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        if let Message::Text(text) = message {
            let said = match serde_json::from_str(&text) {
                Ok(click) => begin(click, context.address()),
                Err(_) => view::note("that is not understood"),
            };
            context.send(Message::Text(said));
        }
        ask(context)
    }

    async fn handle_message(&mut self, heard: Heard, context: &mut Context<Self>) -> Flow {
        match heard {
            Heard::Seen(table) => context.send(Message::Text(String::from(table))),
            Heard::Answer(html) => context.send(Message::Text(html)),
        }
        ask(context)
    }

    async fn handle_info(&mut self, _: Info, context: &mut Context<Self>) -> Flow {
        ask(context)
    }
}

fn ask(context: &mut Context<Top>) -> Flow {
    watch::ask(Page::Top(context.address()));
    Flow::Timeout(PATIENCE)
}

/// Has a process find the answer; what the page shows meanwhile.
fn begin(click: Click, session: SessionRef<Top>) -> String {
    let shown = match &click {
        Click::Info(pid) => view::note(&format!("looking at {pid}")),
        Click::Trace(pid) => view::note(&format!("tracing {pid} for two seconds")),
        Click::Kill(pid) => view::note(&format!("killing {pid}")),
    };
    let asked = spawn(async move {
        let html = answer(click).await;
        // A page that has gone does not want it.
        let _: Result<(), _> = session.send(Heard::Answer(html));
    });
    asked.map_or_else(|error| view::note(&error.to_string()), |_| shown)
}

async fn answer(click: Click) -> String {
    let answer = match click {
        Click::Info(pid) => info(pid).await,
        Click::Trace(pid) => inside::trace(pid, TRACE, TRACE_LEN).await.map(|traced| view::trace(pid, &traced)),
        Click::Kill(pid) => inside::kill(pid).await.map(|has_ended| view::killed(pid, has_ended)),
    };
    answer.unwrap_or_else(|error| view::note(&error.to_string()))
}

async fn info(pid: Pid) -> Result<String, inside::Error> {
    let process = inside::info(pid).await?;
    let stack = inside::stack(pid).await?;
    Ok(view::info(&process, &stack))
}

fn foot() -> String {
    format!("<p id=\"foot\" class=\"foot\">session on version {}</p>", escape(version()))
}

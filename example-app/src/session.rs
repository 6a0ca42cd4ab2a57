//! A page's session: one process, which lives as long as the page's WebSocket, from version to version.
//!
//! ```text
//! the page sends {"to": text} ─► calculating ── the calculation says its sum ─► result
//!                                   │        └── the calculation died (monitor) ─► error
//!                                   │        └── the page is gone ─► killed
//!                                   └ not a whole number ─► invalid input
//! ```
//!
//! Every change goes to the page as a fragment of HTML with an id, which the page puts in place. At an upgrade the session goes on in the new
//! version, with its list, the page's socket and what is being calculated, and shows all of it as the new version does; the calculations
//! themselves finish where they began.

use crate::html::escape;
use crate::list::{List, Progress};
use crate::{calculation, input};
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{ExitReason, Pid, State, kill, version};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// More calculations at once than this are refused.
const RUNNING_MAX: usize = 100;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Page::default())
}

/// What a calculation tells its session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    id: u64,
    sum: i128,
}

/// What a page's session is.
#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct Page {
    list: List,
    /// What is being calculated: the process, and the id of its place on the list.
    running: HashMap<Pid, u64>,
}

/// What the page's form sends.
#[derive(Deserialize)]
struct Submit {
    to: String,
}

impl Session for Page {
    type Message = Done;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        tracing::debug!(session = ?context.address(), "a page opened");
        show(context, self.render());
        Flow::Continue
    }

    /// The page is the one that the version before has made: what is on it is this version's from here on.
    async fn moved(&mut self, context: &mut Context<Self>) {
        show(context, self.render());
    }

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        if let Message::Text(text) = message {
            let fragment = match serde_json::from_str(&text) {
                Ok(Submit { to }) => self.submit(&to, context),
                Err(_) => self.list.push(&text, Progress::Invalid),
            };
            show(context, fragment);
        }
        Flow::Continue
    }

    /// A calculation says its sum, and ends after that …
    async fn handle_message(&mut self, Done { id, sum }: Done, context: &mut Context<Self>) -> Flow {
        let pid = self.running.iter().find(|(_, running)| **running == id).map(|(pid, _)| *pid);
        self.end(pid, Progress::Result(sum), context);
        Flow::Continue
    }

    /// … so an end without a sum is an error.
    async fn handle_info(&mut self, info: Info, context: &mut Context<Self>) -> Flow {
        if let Info::Down(down) = info {
            self.end(Some(down.pid), Progress::Error, context);
        }
        Flow::Continue
    }

    async fn terminate(&mut self, _: &ExitReason) {
        for pid in self.running.keys() {
            kill(*pid);
        }
    }
}

impl Page {
    /// All that the session shows.
    fn render(&self) -> String {
        let list = self.list.render();
        format!("<div id=\"view\">{list}<p class=\"foot\">session on version {}</p></div>", escape(version()))
    }

    /// Starts a calculation, or says why not. Returns what the page shows for it.
    fn submit(&mut self, to: &str, context: &mut Context<Self>) -> String {
        let Some(n) = input::parse(to) else { return self.list.push(to, Progress::Invalid) };
        if self.running.len() >= RUNNING_MAX {
            return self.list.push(to, Progress::Busy);
        }
        let (id, session) = (self.list.next_id(), context.address());
        // A session that has gone does not want to know.
        let started = calculation::start(n, move |sum| _ = session.send(Done { id, sum }));
        let Ok(pid) = started else { return self.list.push(to, Progress::Busy) };
        context.monitor(pid);
        self.running.insert(pid, id);
        self.list.push(to, Progress::Calculating)
    }

    /// A calculation has come to its end, if it was one of the session's.
    fn end(&mut self, pid: Option<Pid>, progress: Progress, context: &mut Context<Self>) {
        let id = pid.and_then(|pid| self.running.remove(&pid));
        if let Some(fragment) = id.and_then(|id| self.list.set(id, progress)) {
            show(context, fragment);
        }
    }
}

fn show(context: &mut Context<Page>, fragment: String) {
    context.send(Message::Text(fragment));
}

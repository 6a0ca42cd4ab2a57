//! A page's session: one process, which lives as long as the page's WebSocket, from version to version.
//!
//! ```text
//! the page sends text ─► calculating ── the calculation says its sum ─► result
//!                          │        └── the calculation died (monitor) ─► error
//!                          │        └── the page is gone ─► killed
//!                          └ not a whole number ─► invalid input
//! ```
//!
//! Every change goes to the page as a fragment of HTML with an id, which the page puts in place. At an upgrade the session goes on in the new
//! version, with the page's socket and what is being calculated; the calculations themselves finish where they began.

use crate::{calculation, input};
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{ExitReason, Pid, State, kill, version};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// More calculations at once than this are refused.
const RUNNING_MAX: usize = 100;
/// What is longer was not entered on the page.
const INPUT_LEN_MAX: usize = 100;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Page { next_id: 1, running: HashMap::new(), shown: String::new() })
}

/// What a calculation tells its session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Done {
    id: u64,
    sum: i128,
}

/// What a page's session is.
#[derive(Serialize, Deserialize, State)]
pub(crate) struct Page {
    next_id: u64,
    running: HashMap<Pid, Item>,
    /// The version that stands at the foot of the page.
    shown: String,
}

#[derive(Serialize, Deserialize, State)]
struct Item {
    id: u64,
    to: String,
}

enum Progress {
    Calculating,
    Result(i128),
    Error,
    Busy,
    Invalid,
}

impl Session for Page {
    type Message = Done;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        tracing::debug!(session = ?context.address(), "a page opened");
        self.show_version(context);
        Flow::Continue
    }

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        self.show_version(context);
        if let Message::Text(text) = message {
            let fragment = self.submit(&text, context);
            context.send(Message::Text(fragment));
        }
        Flow::Continue
    }

    /// A calculation says its sum, and ends after that …
    async fn handle_message(&mut self, Done { id, sum }: Done, context: &mut Context<Self>) -> Flow {
        let pid = self.running.iter().find(|(_, item)| item.id == id).map(|(pid, _)| *pid);
        self.end(pid, &Progress::Result(sum), context);
        Flow::Continue
    }

    /// … so an end without a sum is an error.
    async fn handle_info(&mut self, info: Info, context: &mut Context<Self>) -> Flow {
        if let Info::Down(down) = info {
            self.end(Some(down.pid), &Progress::Error, context);
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
    /// The page may be older than this version: it is told when another one answers.
    fn show_version(&mut self, context: &mut Context<Self>) {
        if self.shown != version() {
            version().clone_into(&mut self.shown);
            context.send(Message::Text(format!("<span id=\"version\">{}</span>", escape(version()))));
        }
    }

    fn submit(&mut self, text: &str, context: &mut Context<Self>) -> String {
        let to: String = text.trim().chars().take(INPUT_LEN_MAX).collect();
        let item = Item { id: self.next_id, to };
        self.next_id += 1;
        let Some(n) = input::parse(text) else { return item.render(&Progress::Invalid) };
        if self.running.len() >= RUNNING_MAX {
            return item.render(&Progress::Busy);
        }
        let (id, session) = (item.id, context.address());
        // A session that has gone does not want to know.
        let started = calculation::start(n, move |sum| _ = session.send(Done { id, sum }));
        let Ok(pid) = started else { return item.render(&Progress::Busy) };
        context.monitor(pid);
        let fragment = item.render(&Progress::Calculating);
        self.running.insert(pid, item);
        fragment
    }

    /// A calculation has come to its end, if it was one of the session's.
    fn end(&mut self, pid: Option<Pid>, progress: &Progress, context: &mut Context<Self>) {
        if let Some(item) = pid.and_then(|pid| self.running.remove(&pid)) {
            self.show_version(context);
            context.send(Message::Text(item.render(progress)));
        }
    }
}

impl Item {
    fn render(&self, progress: &Progress) -> String {
        let Self { id, to } = self;
        let class = match progress {
            Progress::Calculating => "calculating",
            Progress::Result(_) => "result",
            Progress::Error | Progress::Busy => "error",
            Progress::Invalid => "invalid",
        };
        format!("<li id=\"c{id}\" class=\"{class}\">∑(1..{}) = {progress}</li>", escape(to))
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Calculating => f.write_str("calculating"),
            Self::Result(sum) => write!(f, "{sum}"),
            Self::Error => f.write_str("error"),
            Self::Busy => f.write_str("too many at once"),
            Self::Invalid => f.write_str("invalid input"),
        }
    }
}

/// Text for HTML.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_the_input_is_text_on_the_page() {
        let item = Item { id: 7, to: "<script>\"&".to_owned() };
        let expected = "<li id=\"c7\" class=\"invalid\">∑(1..&lt;script&gt;&quot;&amp;) = invalid input</li>";
        assert_eq!(item.render(&Progress::Invalid), expected);
    }

    #[test]
    fn a_sum_beyond_64_bits_is_shown() {
        let item = Item { id: 1, to: "9999999999".to_owned() };
        let expected = "<li id=\"c1\" class=\"result\">∑(1..9999999999) = 49999999995000000000</li>";
        assert_eq!(item.render(&Progress::Result(49_999_999_995_000_000_000)), expected);
    }
}

//! A page's session: one process, which lives as long as the page's WebSocket.
//!
//! ```text
//! the page sends text ─► calculating ── the calculation says its sum ─► result
//!                          │        └── the calculation died (monitor) ─► error
//!                          │        └── the page is gone ─► killed
//!                          └ not a whole number ─► invalid input
//! ```
//!
//! Every change goes to the page as a fragment of HTML with an id, which the page puts in place.

use crate::{calculation, input};
use axum::response::Response;
use futures_util::future::{Either, select};
use plugin_abi::websocket::{Message, WebSocket, WebSocketUpgrade};
use plugin_abi::{Down, Mailbox, Pid, kill, self_pid, spawn_with};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::pin::pin;

/// More calculations at once than this are refused.
const RUNNING_MAX: usize = 100;
/// What is longer was not entered on the page.
const INPUT_LEN_MAX: usize = 100;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|socket| async move {
        let begun = spawn_with(|mailbox| Session::new(socket, mailbox).run());
        if let Err(error) = begun {
            tracing::warn!(%error, "no session for a page");
        }
    })
}

/// What a session hears from its calculations.
#[derive(Serialize, Deserialize)]
enum Event {
    Done { id: u64, sum: i128 },
    Down(Down),
}

impl From<Down> for Event {
    fn from(down: Down) -> Self {
        Self::Down(down)
    }
}

struct Session {
    socket: WebSocket,
    mailbox: Mailbox<Event>,
    next_id: u64,
    running: HashMap<Pid, Item>,
}

#[derive(Clone)]
struct Item {
    id: u64,
    to: String,
}

enum State {
    Calculating,
    Result(i128),
    Error,
    Busy,
    Invalid,
}

impl Session {
    fn new(socket: WebSocket, mailbox: Mailbox<Event>) -> Self {
        Self { socket, mailbox, next_id: 1, running: HashMap::new() }
    }

    async fn run(mut self) {
        tracing::debug!(pid = ?self_pid(), "a page opened");
        // The page may be older than the session: it comes back by itself when its connection is lost.
        let mut change = Some(format!("<span id=\"version\">{}</span>", escape(plugin_abi::version())));
        while let Some(fragment) = change {
            if self.socket.send(Message::Text(fragment)).await.is_err() {
                return;
            }
            change = self.next_change().await;
        }
    }

    /// The next change of the page; `None`: the page is gone.
    async fn next_change(&mut self) -> Option<String> {
        loop {
            let change = {
                let received = pin!(self.socket.recv());
                let event = pin!(self.mailbox.receive());
                match select(received, event).await {
                    Either::Left((received, _)) => Either::Left(received),
                    Either::Right((event, _)) => Either::Right(event),
                }
            };
            match change {
                Either::Left(Some(Ok(Message::Text(text)))) => return Some(self.submit(&text)),
                Either::Left(Some(Ok(Message::Binary(_)))) => {}
                Either::Left(Some(Err(_)) | None) => return None,
                Either::Right(event) => {
                    if let Some(fragment) = self.hear(event) {
                        return Some(fragment);
                    }
                }
            }
        }
    }

    fn submit(&mut self, text: &str) -> String {
        let to: String = text.trim().chars().take(INPUT_LEN_MAX).collect();
        let item = Item { id: self.next_id, to };
        self.next_id += 1;
        let Some(n) = input::parse(text) else { return item.render(&State::Invalid) };
        if self.running.len() >= RUNNING_MAX {
            return item.render(&State::Busy);
        }
        let (id, session) = (item.id, self.mailbox.address());
        // A session that has gone does not want to know.
        let started = calculation::start(n, move |sum| drop(session.send(Event::Done { id, sum })));
        let Ok(pid) = started else { return item.render(&State::Busy) };
        self.mailbox.monitor(pid);
        let fragment = item.render(&State::Calculating);
        self.running.insert(pid, item);
        fragment
    }

    /// A calculation says its sum, and ends after that; so an end without a sum is an error.
    fn hear(&mut self, event: Event) -> Option<String> {
        match event {
            Event::Done { id, sum } => {
                let pid = *self.running.iter().find(|(_, item)| item.id == id)?.0;
                Some(self.running.remove(&pid)?.render(&State::Result(sum)))
            }
            Event::Down(down) => Some(self.running.remove(&down.pid)?.render(&State::Error)),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for pid in self.running.keys() {
            kill(*pid);
        }
    }
}

impl Item {
    fn render(&self, state: &State) -> String {
        let Self { id, to } = self;
        let class = match state {
            State::Calculating => "calculating",
            State::Result(_) => "result",
            State::Error | State::Busy => "error",
            State::Invalid => "invalid",
        };
        format!("<li id=\"c{id}\" class=\"{class}\">∑(1..{}) = {state}</li>", escape(to))
    }
}

impl fmt::Display for State {
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
        assert_eq!(item.render(&State::Invalid), expected);
    }

    #[test]
    fn a_sum_beyond_64_bits_is_shown() {
        let item = Item { id: 1, to: "9999999999".to_owned() };
        let expected = "<li id=\"c1\" class=\"result\">∑(1..9999999999) = 49999999995000000000</li>";
        assert_eq!(item.render(&State::Result(49_999_999_995_000_000_000)), expected);
    }
}

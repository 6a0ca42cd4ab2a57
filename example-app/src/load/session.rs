//! A load page's session: sets what its forms say, and shows a view at a time.
//!
//! ```text
//! asks the meter ─► a view comes ─► shown ─► asks again        (a page that is slow to read is slow to ask)
//!        └ none comes for a second: the meter is away ─► asks again
//! ```

use super::control::{Call, Control};
use super::form::{self, Form};
use super::meter::{Meter, Said};
use super::view::View;
use crate::html::escape;
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::system::{schedulers, set_schedulers_online};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{ReplyTo, State, version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Load::default())
}

/// See the file's head.
#[derive(Default, Serialize, Deserialize, State)]
pub(crate) struct Load {
    /// The chart that stands out: `jobs` or `usage`.
    highlight: Option<String>,
    /// What is shown, to be shown otherwise.
    #[serde(skip)]
    view: Option<View>,
}

impl Session for Load {
    type Message = View;

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        context.send(Message::Text(foot()));
        ask(context)
    }

    async fn moved(&mut self, context: &mut Context<Self>) {
        context.send(Message::Text(foot()));
    }

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        if let Message::Text(text) = message {
            let done = match serde_json::from_str(&text) {
                Ok(form) => self.act(form, context).await,
                Err(_) => Err("that is not understood".to_owned()),
            };
            let said = done.err().unwrap_or_default();
            context.send(Message::Text(format!("<p id=\"said\" role=\"alert\">{}</p>", escape(&said))));
        }
        ask(context)
    }

    async fn handle_message(&mut self, view: View, context: &mut Context<Self>) -> Flow {
        self.view = Some(view);
        self.show(context);
        ask(context)
    }

    async fn handle_info(&mut self, info: Info, context: &mut Context<Self>) -> Flow {
        if info == Info::Timeout {
            let away = "<p id=\"figures\">the meter is away; it comes back</p>";
            context.send(Message::Text(away.to_owned()));
        }
        ask(context)
    }
}

impl Load {
    async fn act(&mut self, form: Form, context: &mut Context<Self>) -> Result<(), String> {
        match form {
            Form::Jobs(text) => {
                let jobs = form::jobs(&text)?;
                set(|reply| Call::SetJobs(jobs, reply)).await
            }
            Form::Failures(text) => {
                let failures = form::failures(&text)?;
                set(|reply| Call::SetFailures(failures, reply)).await
            }
            Form::Schedulers(text) => online(form::schedulers(&text)?),
            Form::Reset(_) => {
                online(schedulers())?;
                set(|reply| Call::SetFailures(0, reply)).await?;
                set(|reply| Call::SetJobs(0, reply)).await
            }
            Form::Highlight(chart) => {
                let is_chart = matches!(chart.as_str(), "jobs" | "usage");
                self.highlight = Some(chart).filter(|chart| is_chart && self.highlight.as_ref() != Some(chart));
                self.show(context);
                Ok(())
            }
        }
    }

    fn show(&self, context: &mut Context<Self>) {
        let Some(view) = &self.view else { return };
        let (jobs, usage) = (self.figure("jobs", view.jobs.as_ref()), self.figure("usage", view.usage.as_ref()));
        context.send(Message::Text(format!("{jobs}{usage}{}", view.figures.as_ref())));
    }

    /// A chart, to be clicked.
    fn figure(&self, name: &str, svg: &str) -> String {
        let is_highlighted = self.highlight.as_deref() == Some(name);
        format!(
            "<button id=\"{name}\" class=\"figure\" name=\"highlight\" value=\"{name}\" aria-pressed=\"{is_highlighted}\">\
             {svg}</button>"
        )
    }
}

fn ask(context: &mut Context<Load>) -> Flow {
    if let Some(meter) = Meter::find() {
        // One that ends just now is asked again, if it is there again.
        let _: Result<(), _> = meter.cast(Said::Next(context.address()));
    }
    Flow::Timeout(PATIENCE)
}

async fn set(call: impl FnOnce(ReplyTo<()>) -> Call) -> Result<(), String> {
    let control = Control::find().ok_or("the control is away; it comes back")?;
    control.call(call).await.map_err(|error| error.to_string())
}

fn online(count: u32) -> Result<(), String> {
    set_schedulers_online(count).map_err(|error| error.to_string())
}

fn foot() -> String {
    format!("<p id=\"foot\" class=\"foot\">session on version {}</p>", escape(version()))
}

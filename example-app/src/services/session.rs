//! A services page's session.

use super::reference::ServiceRef;
use super::tree::{self, Running};
use crate::html::escape;
use axum::response::Response;
use plugin_abi::server::{Flow, Info};
use plugin_abi::websocket::{Context, Message, Session, WebSocketUpgrade};
use plugin_abi::{State, kill, version};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often the list is looked at.
const LOOK: Duration = Duration::from_secs(1);
const NAME_LEN_MAX: usize = 50;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.session(Services {})
}

/// See the file's head. The services themselves are all there is.
#[derive(Serialize, Deserialize, State)]
pub(crate) struct Services {}

/// A form or a click: on which service.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Start(String),
    Invoke(String),
    Kill(String),
    Stop(String),
}

impl Session for Services {
    type Message = ();

    async fn open(&mut self, context: &mut Context<Self>) -> Flow {
        show(context).await
    }

    async fn moved(&mut self, context: &mut Context<Self>) {
        show(context).await;
    }

    async fn handle_in(&mut self, message: Message, context: &mut Context<Self>) -> Flow {
        if let Message::Text(text) = message {
            let said = match serde_json::from_str(&text) {
                Ok(form) => act(form).await.unwrap_or_else(|error| error),
                Err(_) => "that is not understood".to_owned(),
            };
            context.send(Message::Text(format!("<p id=\"said\" role=\"status\">{}</p>", escape(&said))));
        }
        show(context).await
    }

    async fn handle_info(&mut self, _: Info, context: &mut Context<Self>) -> Flow {
        show(context).await
    }
}

/// What there is to say of it.
async fn act(form: Form) -> Result<String, String> {
    match form {
        Form::Start(name) => {
            let name = named(&name)?;
            tree::start(name).await.map(|()| format!("{name} has started"))
        }
        Form::Invoke(name) => ServiceRef::here(&name).invoke().await,
        Form::Kill(name) => {
            let services = tree::list().await.map_err(|error| error.to_string())?;
            let pid = services.into_iter().find(|service| service.name == name).and_then(|service| service.pid);
            kill(pid.ok_or_else(|| format!("no service named {name} runs"))?);
            Ok(format!("{name} was killed, and its supervisor starts it again"))
        }
        Form::Stop(name) => tree::stop(&name).await.map(|()| format!("{name} was stopped")),
    }
}

/// A name as somebody may give it.
fn named(text: &str) -> Result<&str, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_LEN_MAX {
        return Err(format!("a name has 1 to {NAME_LEN_MAX} characters"));
    }
    Ok(name)
}

async fn show(context: &mut Context<Services>) -> Flow {
    let list = match tree::list().await {
        Ok(services) => services.iter().map(row).collect(),
        Err(error) => format!("<li>{}</li>", escape(&error.to_string())),
    };
    let foot = format!("<p id=\"foot\" class=\"foot\">session on version {}</p>", escape(version()));
    context.send(Message::Text(format!("<ul id=\"services\" class=\"list\">{list}</ul>{foot}")));
    Flow::Timeout(LOOK)
}

fn row(Running { name, pid }: &Running) -> String {
    let name = escape(name);
    let pid = pid.map_or_else(|| "is started again".to_owned(), |pid| escape(&pid.to_string()));
    let button = |what: &str| {
        format!(
            "<button class=\"quiet\" id=\"{what}-{name}\" name=\"{what}\" value=\"{name}\" aria-label=\"{what} {name}\">{what}</button>"
        )
    };
    let buttons = ["invoke", "kill", "stop"].map(button).concat();
    format!("<li><span><strong>{name}</strong> {pid}</span><span>{buttons}</span></li>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_some_text_that_is_not_long() {
        assert_eq!(named(" clock "), Ok("clock"));
        assert!(named("").is_err() && named("  ").is_err() && named(&"x".repeat(51)).is_err());
    }

    #[test]
    fn markup_in_a_name_is_text() {
        let shown = row(&Running { name: "<b>\"".to_owned(), pid: None });
        assert!(shown.contains("&lt;b&gt;&quot;") && !shown.contains("<b>"), "{shown}");
    }
}

//! A chat: every open page is a session, and the room is a server that all sessions know by its name.
//!
//! Change something, and run `cargo system upgrade` while you chat: nobody is disconnected, and nothing that was said is lost.
#![forbid(unsafe_code)]

mod chat;
mod history;
mod room;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use plugin_abi::supervisor::{Child, Strategy, Supervisor};
use plugin_abi::{Application, http};

// Servers and sessions that are listed here move to the next version with their state.
plugin_abi::application!(app, servers: [room::Room], sessions: [chat::Chat]);

fn app() -> Application {
    let router = Router::new().route("/", get(page)).route("/chat", get(chat::open));
    Application::new()
        .listen("http", "127.0.0.1:4000", http::serve(router))
        .supervise(|| Supervisor::new(Strategy::OneForOne).child(Child::server::<room::Room>("room", ())))
}

async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}

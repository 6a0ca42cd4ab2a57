//! The sum application: a page where one enters n and sees ∑(1..n), and an API that does the same.
//!
//! A plugin of cargo-system: this function says what it is, the node does the rest.
#![forbid(unsafe_code)]

mod api;
mod calculation;
mod console;
mod echo;
mod html;
mod input;
mod list;
mod page;
mod session;
mod sum;

use axum::Router;
use axum::routing::get;
use plugin_abi::{Application, http};

plugin_abi::application!(app, sessions: [session::Page, echo::Echo]);

fn app() -> Application {
    Application::new().listen("http", "127.0.0.1:4000", http::serve(router())).console("sum", console::sum)
}

fn router() -> Router {
    Router::new()
        .route("/", get(page::sum))
        .route("/ws/sum", get(session::open))
        .route("/ws/echo", get(echo::open))
        .route("/api/sum/{n}", get(api::sum))
        .route("/api/version", get(api::version))
        .route("/api/slow/{ms}", get(api::slow))
}

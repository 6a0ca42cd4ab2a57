//! The sum application: a page where one enters n and sees ∑(1..n), and an API that does the same.
//!
//! A plugin of cargo-system: this function says what it is, the node does the rest.
#![forbid(unsafe_code)]

mod api;
mod calculation;
mod chart;
mod console;
mod echo;
mod html;
mod input;
mod list;
mod load;
mod page;
mod random;
mod services;
mod session;
mod shared;
mod sum;
mod system;
mod top;
mod watch;

use axum::Router;
use axum::routing::get;
use plugin_abi::supervisor::{Strategy, Supervisor};
use plugin_abi::{Application, http};
use std::time::Duration;

plugin_abi::application!(
    app,
    servers: [load::Control, load::Job, load::Meter, services::Service, watch::Watcher],
    sessions: [session::Page, echo::Echo, load::Load, services::Services, system::System, top::Top]
);

fn app() -> Application {
    Application::new()
        .listen("http", "127.0.0.1:4000", http::serve(router()))
        .supervise(tree)
        .console("sum", console::sum)
}

fn tree() -> Supervisor {
    let supervisor = Supervisor::new(Strategy::OneForOne).intensity(10, Duration::from_secs(1));
    supervisor.child(load::child()).child(services::child()).child(watch::child())
}

fn router() -> Router {
    Router::new()
        .route("/", get(page::sum))
        .route("/load", get(page::load))
        .route("/top", get(page::top))
        .route("/services", get(page::services))
        .route("/system", get(page::system))
        .route("/ws/sum", get(session::open))
        .route("/ws/load", get(load::open))
        .route("/ws/top", get(top::open))
        .route("/ws/services", get(services::open))
        .route("/ws/system", get(system::open))
        .route("/ws/echo", get(echo::open))
        .route("/api/sum/{n}", get(api::sum))
        .route("/api/version", get(api::version))
        .route("/api/slow/{ms}", get(api::slow))
}

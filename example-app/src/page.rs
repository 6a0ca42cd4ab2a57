//! The pages. What happens on one is rendered by its session, not here and not in the browser.

use axum::response::Html;

/// `GET /`
pub(crate) async fn sum() -> Html<String> {
    page("∑(1..n)", "/ws/sum", include_str!("page/sum.html"))
}

/// A page that a session of `socket` fills.
fn page(title: &str, socket: &str, body: &str) -> Html<String> {
    let page = include_str!("page/layout.html").replace("{title}", title).replace("{socket}", socket);
    let page =
        page.replace("{style}", include_str!("page/style.css")).replace("{script}", include_str!("page/live.js"));
    Html(page.replace("{body}", body))
}

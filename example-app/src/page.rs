//! The page. What happens on it is rendered by its session (`session.rs`), not here and not in the browser.

use axum::response::Html;

pub(crate) async fn page() -> Html<String> {
    Html(include_str!("page.html").replace("{version}", plugin_abi::version()))
}

//! The pages. What happens on one is rendered by its session, not here and not in the browser.

use axum::response::Html;

/// Where the pages are, and what they are called.
const PAGES: &[(&str, &str)] =
    &[("/", "Sum"), ("/load", "Load"), ("/top", "Top"), ("/services", "Services"), ("/system", "System")];

/// `GET /`
pub(crate) async fn sum() -> Html<String> {
    page("/", "∑(1..n)", "/ws/sum", include_str!("page/sum.html"))
}

/// `GET /load`
pub(crate) async fn load() -> Html<String> {
    page("/load", "Load", "/ws/load", include_str!("page/load.html"))
}

/// `GET /top`
pub(crate) async fn top() -> Html<String> {
    page("/top", "Top", "/ws/top", include_str!("page/top.html"))
}

/// `GET /services`
pub(crate) async fn services() -> Html<String> {
    page("/services", "Services", "/ws/services", include_str!("page/services.html"))
}

/// `GET /system`
pub(crate) async fn system() -> Html<String> {
    page("/system", "System", "/ws/system", include_str!("page/system.html"))
}

/// A page that a session of `socket` fills.
fn page(path: &str, title: &str, socket: &str, body: &str) -> Html<String> {
    let page = include_str!("page/layout.html").replace("{title}", title).replace("{socket}", socket);
    let page =
        page.replace("{style}", include_str!("page/style.css")).replace("{script}", include_str!("page/live.js"));
    Html(page.replace("{pages}", &links(path)).replace("{name}", path.trim_matches('/')).replace("{body}", body))
}

fn links(current: &str) -> String {
    let link = |(path, name): &(&str, &str)| {
        let is_current = if *path == current { " aria-current=\"page\"" } else { "" };
        format!("<a href=\"{path}\"{is_current}>{name}</a>")
    };
    PAGES.iter().map(link).collect()
}

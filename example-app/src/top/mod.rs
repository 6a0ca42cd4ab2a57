//! The top page: which processes use the processors, what each of them does, and an end to it.
//!
//! `session.rs`: the page's session, which leaves questions that take time to processes of their own. `view.rs`: what they come to, as HTML.

mod session;
mod view;

pub(crate) use session::{Heard, Top, open};

use plugin_abi::inside;
use std::time::Duration;

/// What is measured.
const INTERVAL: Duration = Duration::from_secs(1);
/// Processes that are shown.
const LEN: u32 = 20;

/// The processes that use most, as HTML.
pub(crate) async fn look() -> String {
    match inside::top(INTERVAL, LEN).await {
        Ok(top) => view::table(&top),
        Err(error) => view::failed("processes", &error),
    }
}

//! The system page: versions that live, their processes, a drain while it goes on, and upgrades that were.
//!
//! `session.rs`: the page's session. `view.rs`: what the node says, as HTML.

mod session;
mod view;

pub(crate) use session::{System, open};

use plugin_abi::inside::{self, Error, History, Status};
use plugin_abi::time::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Between two looks: a drain is seen to go on.
const PAUSE: Duration = Duration::from_millis(250);
/// Upgrades that are shown.
const HISTORY_LEN: u32 = 20;

/// What the node runs and has run, as HTML.
pub(crate) async fn look() -> String {
    sleep(PAUSE).await;
    match ask().await {
        Ok((status, history)) => view::all(&status, &history, now()),
        Err(error) => view::failed(&error),
    }
}

async fn ask() -> Result<(Status, History), Error> {
    Ok((inside::status().await?, inside::history(HISTORY_LEN).await?))
}

/// Since 1970, by a clock that may be wrong.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

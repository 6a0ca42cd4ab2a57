//! Bounded waiting for what another process does.

use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// How often to look.
const LOOK: Duration = Duration::from_millis(10);

/// Looks until there is something, for `limit` at the most.
///
/// # Errors
/// When there is nothing within `limit`; the error names `what`.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if Instant::now() >= end {
            bail!("{what}: not within {limit:?}");
        }
        std::thread::sleep(LOOK);
    }
}

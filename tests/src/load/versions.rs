//! Which versions may answer when: the yardstick for "answered by the version that accepted it".
//!
//! The driver of a test notes when it asks for an upgrade and when the upgrade was acknowledged. Between the two, old and new
//! may answer; outside, only one may:
//!
//! ```text
//!            asked        acknowledged
//!   … 1 only   │   1 or 2      │   2 only …
//! ```
//!
//! Answers are judged after the run, when every window is known.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// When a version may have been current.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// From the moment its upgrade was asked for.
    from: Instant,
    /// Until the next one's was acknowledged.
    until: Option<Instant>,
}

/// The versions of a run, in order. Shared by the driver and its clients.
#[derive(Debug, Default)]
pub struct VersionLog {
    windows: Mutex<Windows>,
}

#[derive(Debug, Default)]
struct Windows {
    /// In order; a version that came back has several.
    all: Vec<(String, Window)>,
    /// An upgrade that was asked for and not yet acknowledged.
    asked: Option<Instant>,
}

impl VersionLog {
    /// A log whose first version is current from now on.
    #[must_use]
    pub fn new(version: &str) -> Self {
        let log = Self::default();
        log.ask();
        log.acknowledge(version);
        log
    }

    /// The next upgrade is about to be asked for.
    pub fn ask(&self) {
        self.locked(|windows| windows.asked = Some(Instant::now()));
    }

    /// The upgrade has been acknowledged: `version` is current.
    pub fn acknowledge(&self, version: &str) {
        self.locked(|windows| {
            let now = Instant::now();
            let from = windows.asked.take().unwrap_or(now);
            if let Some((current, window)) = windows.all.last_mut() {
                if current == version {
                    return;
                }
                window.until = Some(now);
            }
            windows.all.push((version.to_owned(), Window { from, until: None }));
        });
    }

    /// May `version` have been current at some time from `from` to `until`?
    #[must_use]
    pub fn possible(&self, version: &str, from: Instant, until: Instant) -> bool {
        self.locked(|windows| {
            let overlaps = |window: &Window| window.from <= until && window.until.is_none_or(|end| from <= end);
            windows.all.iter().any(|(name, window)| name == version && overlaps(window))
        })
    }

    /// Did `version` stop being current for certain between `from` and `until`?
    #[must_use]
    pub fn replaced_within(&self, version: &str, from: Instant, until: Instant) -> bool {
        self.locked(|windows| {
            let ends = |window: &Window| window.until.is_some_and(|end| from <= end && end <= until);
            windows.all.iter().any(|(name, window)| name == version && ends(window))
        })
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Windows) -> T) -> T {
        f(&mut self.windows.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_may_answer_only_while_an_upgrade_is_under_way() {
        let log = VersionLog::new("1");
        let before = Instant::now();
        log.ask();
        let during = Instant::now();
        log.acknowledge("2");
        let after = Instant::now();
        assert!(log.possible("1", before, before) && !log.possible("2", before, before));
        assert!(log.possible("1", during, during) && log.possible("2", during, during));
        assert!(!log.possible("1", after, after) && log.possible("2", after, after));
        assert!(!log.possible("3", before, after), "a version that never was");
        log.acknowledge("1");
        let back = Instant::now();
        assert!(log.possible("1", back, back) && !log.possible("2", back, back), "a version that came back");
        assert!(log.replaced_within("1", before, after) && !log.replaced_within("2", before, after));
    }
}

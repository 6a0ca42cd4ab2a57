//! Which releases may go. Pure: a plan.
//!
//! ```text
//! kept: what runs (any version that is current or has processes), what boots, what is being upgraded to, the last N old ones, the one before in any case,
//!       what was last tried in vain, N of them, and what was never tried: it was put here for an upgrade that has yet to come
//! goes: every other one; of lib/, what no kept release names
//! ```

use super::record::{Record, State};
use semver::Version;
use std::collections::BTreeSet;

/// What is in a node's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Releases that have a folder, with the folders of `lib/` that each names; `None`: its manifest cannot be read.
    pub releases: Vec<(Version, Option<BTreeSet<String>>)>,
    /// The folders in `lib/`.
    pub plugins: BTreeSet<String>,
}

/// What goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Releases.
    pub releases: BTreeSet<Version>,
    /// Folders of `lib/`.
    pub plugins: BTreeSet<String>,
}

/// Plans what goes, when `keep` old releases are to be kept. `running`: every version that is current or has processes.
#[must_use]
pub fn plan(record: &Record, inventory: &Inventory, running: &BTreeSet<Version>, keep: u16) -> Plan {
    // The one before is kept whatever the setting: a release without a way back is a trap.
    let kept_old = usize::from(keep.max(1));
    let there = |version: &&Version| inventory.releases.iter().any(|(release, _)| release == *version);
    let superfluous: BTreeSet<&Version> = record.old.iter().filter(there).skip(kept_old).collect();
    let last_tried: BTreeSet<&Version> =
        record.history.iter().rev().take(kept_old).map(|entry| &entry.attempt.to).collect();
    let was_in_vain = |version: &Version| {
        record.state(version) == State::Unpacked
            && !last_tried.contains(version)
            && record.history.iter().any(|entry| entry.attempt.to == *version)
    };
    let wanted = record.in_progress.as_ref().map(|attempt| &attempt.to);
    let from = record.in_progress.as_ref().and_then(|attempt| attempt.from.as_ref());
    let is_needed = |version: &Version| {
        running.contains(version)
            || record.permanent.as_ref() == Some(version)
            || wanted == Some(version)
            || from == Some(version)
    };
    let goes = |version: &Version| (superfluous.contains(version) || was_in_vain(version)) && !is_needed(version);
    let (mut releases, mut named, mut is_known) = (BTreeSet::new(), BTreeSet::new(), true);
    for (version, plugins) in &inventory.releases {
        match plugins {
            _ if goes(version) => drop(releases.insert(version.clone())),
            Some(plugins) => named.extend(plugins),
            None => is_known = false,
        }
    }
    // Whose files nobody can read could be anybody's.
    let plugins = inventory.plugins.iter().filter(|plugin| is_known && !named.contains(plugin));
    Plan { releases, plugins: plugins.cloned().collect() }
}

#[cfg(test)]
mod tests;

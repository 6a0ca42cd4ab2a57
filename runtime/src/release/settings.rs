//! What a release says of how its node is to treat releases: `[package.metadata.system]` in the plugin's Cargo.toml. Pure: data.

use crate::protocol::{DrainPolicy, MovePolicy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// In a manifest; what is missing has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// How many releases are kept that can be rolled back to, besides what runs and what boots.
    pub keep_releases: u16,
    /// How long a hook may take, in seconds.
    pub hook_timeout_s: u16,
    /// How long a new version is watched before it is permanent, in seconds; 0: not at all.
    pub probation_s: u16,
    /// What becomes of processes of the version before that neither move nor finish by the deadline.
    pub drain: DrainPolicy,
    /// The same for single process types, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub drain_types: BTreeMap<String, DrainPolicy>,
    /// That deadline, in seconds.
    pub drain_deadline_s: u32,
    /// So long may processes of the version before live, in seconds, whatever `drain` says; 0: as long as they like.
    pub live_age_s: u32,
    /// How processes move to it.
    #[serde(rename = "move")]
    pub moves: MovePolicy,
    /// So many versions may have processes at once, the new one among them.
    pub live_versions: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep_releases: 5,
            hook_timeout_s: 60,
            probation_s: 0,
            drain: DrainPolicy::Leave,
            drain_types: BTreeMap::new(),
            drain_deadline_s: 300,
            live_age_s: 0,
            moves: MovePolicy::Each,
            live_versions: 50,
        }
    }
}

impl Settings {
    /// How long a hook may take.
    #[must_use]
    pub fn hook_timeout(&self) -> Duration {
        Duration::from_secs(self.hook_timeout_s.into())
    }

    /// How long a new version is watched before it is permanent; `None`: not at all.
    #[must_use]
    pub fn probation(&self) -> Option<Duration> {
        (self.probation_s > 0).then(|| Duration::from_secs(self.probation_s.into()))
    }

    /// How long processes may take to finish.
    #[must_use]
    pub fn drain_deadline(&self) -> Duration {
        Duration::from_secs(self.drain_deadline_s.into())
    }

    /// How long processes may live at the most; `None`: as long as they like.
    #[must_use]
    pub fn live_age(&self) -> Option<Duration> {
        (self.live_age_s > 0).then(|| Duration::from_secs(self.live_age_s.into()))
    }

    /// Not all processes are left to finish when they do.
    #[must_use]
    pub fn ends_drains(&self) -> bool {
        self.live_age_s > 0
            || self.drain != DrainPolicy::Leave
            || self.drain_types.values().any(|policy| *policy != DrainPolicy::Leave)
    }
}

//! What a release says of how its node is to treat releases: `[package.metadata.system]` in the plugin's Cargo.toml. Pure: data.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// In a manifest; what is missing has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How many releases are kept that can be rolled back to, besides what runs and what boots.
    pub keep_releases: u16,
    /// How long a hook may take, in seconds.
    pub hook_timeout_s: u16,
    /// How long a new version is watched before it is permanent, in seconds; 0: not at all.
    pub probation_s: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { keep_releases: 5, hook_timeout_s: 60, probation_s: 0 }
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
}

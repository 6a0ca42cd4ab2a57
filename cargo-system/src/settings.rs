//! `[package.metadata.system]` in a plugin's Cargo.toml: the settings of the releases that it is the application of, and which plugins it needs.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use cargo_metadata::Package;
use runtime::protocol::{DrainPolicy, MovePolicy};
use runtime::release::settings::Settings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

/// As people write it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    needs: Vec<String>,
    keep_releases: Option<u16>,
    hook_timeout: Option<u16>,
    probation: Option<u16>,
    drain: Option<DrainPolicy>,
    drain_types: BTreeMap<String, DrainPolicy>,
    drain_deadline: Option<u32>,
    live_versions: Option<NonZeroU16>,
    live_age: Option<u32>,
    #[serde(rename = "move")]
    moves: Option<MovePolicy>,
}

/// What a plugin's package says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) settings: Settings,
    /// Plugins of the workspace that are in its releases, and start before it.
    pub(crate) needs: Vec<String>,
}

/// What a package says; a word that is not known there is an error, since it would be without effect.
pub(crate) fn of(package: &Package) -> Result<Said, Failure> {
    let Some(value) = package.metadata.get("system") else { return Ok(Said::default()) };
    let written: Written = serde_path_to_error::deserialize(value).map_err(|error| {
        let message = format!("[package.metadata.system] in {} is wrong: {error}", package.manifest_path);
        Failure::new(ExitCode::Usage, message).hint("https://github.com/cargo-system/cargo-system/blob/main/docs/book/src/configuration.md has all that may stand there")
    })?;
    let default = Settings::default();
    let settings = Settings {
        keep_releases: written.keep_releases.unwrap_or(default.keep_releases),
        hook_timeout_s: written.hook_timeout.unwrap_or(default.hook_timeout_s),
        probation_s: written.probation.unwrap_or(default.probation_s),
        drain: written.drain.unwrap_or(default.drain),
        drain_types: written.drain_types,
        drain_deadline_s: written.drain_deadline.unwrap_or(default.drain_deadline_s),
        live_age_s: written.live_age.unwrap_or(default.live_age_s),
        moves: written.moves.unwrap_or(default.moves),
        live_versions: written.live_versions.map_or(default.live_versions, NonZeroU16::get),
    };
    Ok(Said { settings, needs: written.needs })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documented;

    #[test]
    fn settings_that_the_documentation_shows_are_known() {
        let mut count = 0;
        for block in documented::blocks("toml") {
            let table: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{}: {error}", block.place));
            let system = table.get("package").and_then(|package| package.get("metadata")?.get("system")).cloned();
            let Some(system) = system else { continue };
            count += 1;
            let read = system.try_into::<Written>();
            read.unwrap_or_else(|error| panic!("{}: {error}", block.place));
        }
        assert!(count > 3, "only {count} settings were found");
    }
}

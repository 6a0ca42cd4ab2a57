//! Around an upgrade: the hook `before` may refuse it, the hook `after` hears what came of it, and then old releases go.

use super::progress::Progress;
use super::step::Step;
use super::versions::Versions;
use crate::image::{self, Image};
use crate::listen;
use crate::log;
use crate::protocol::{Event, Failure, FailureKind, Upgraded};
use crate::release::hooks::{self, About, Hook};
use crate::release::layout::Layout;
use crate::release::manifest::Manifest;
use plugin_abi::abi::{LOG_INFO, LOG_WARN};

/// Runs the hook before. What it says when it fails is why the upgrade is refused.
pub(super) fn before(layout: &Layout, manifest: &Manifest, from: &str) -> Result<(), String> {
    let to = manifest.version.to_string();
    let about = About { name: &manifest.name, from, to: &to, outcome: "" };
    hooks::run(layout, Hook::Before, &about, manifest.settings.hook_timeout()).map_err(|error| error.to_string())
}

/// Runs the hook after, when the one before has let the upgrade go on. It changes nothing any more: what is wrong with it is only said.
pub(super) fn after(
    layout: &Layout,
    manifest: &Manifest,
    from: &str,
    end: &Result<Upgraded, Failure>,
    progress: &Progress,
) {
    let Some(outcome) = outcome(end) else { return };
    let to = manifest.version.to_string();
    let about = About { name: &manifest.name, from, to: &to, outcome };
    if let Err(error) = hooks::run(layout, Hook::After, &about, manifest.settings.hook_timeout()) {
        let message = error.to_string();
        log::host(LOG_WARN, "upgrade", &message);
        progress.push(Event::Warning { message });
    }
}

/// Removes the releases that are not to be kept. What cannot be removed now goes at another time.
pub(super) fn retain(versions: &Versions, manifest: &Manifest) {
    // One without processes stays mapped, but nobody runs it or looks for its file any more.
    let runs =
        |image: &&Image| listen::current().is_some_and(|running| running.has(image)) || image.processes.get() > 0;
    let release = |image: &Image| versions.release_of(image)?.parse().ok();
    let running = image::all().into_iter().filter(runs).filter_map(release).collect();
    match versions.store.retain(&running, manifest.settings.keep_releases) {
        Ok(gone) if gone.releases.is_empty() => {}
        Ok(gone) => {
            let releases: Vec<_> = gone.releases.iter().map(ToString::to_string).collect();
            log::host(LOG_INFO, "upgrade", &format!("removed releases that are not kept: {}", releases.join(", ")));
        }
        Err(error) => log::host(LOG_WARN, "upgrade", &format!("old releases cannot be removed: {error}")),
    }
}

/// `None`: it ended before the hook before had let it go on.
fn outcome(end: &Result<Upgraded, Failure>) -> Option<&'static str> {
    match end {
        Ok(done) => done.changed.then_some("done"),
        Err(Failure { step: Some(step), .. })
            if [Step::Check, Step::Before].iter().any(|early| early.name() == step) =>
        {
            None
        }
        Err(failure) => Some(match failure.kind {
            FailureKind::Refused | FailureKind::Locked => "refused",
            FailureKind::RolledBack => "rolled-back",
            FailureKind::Error | FailureKind::NotRolledBack => "failed",
        }),
    }
}

//! The hooks around an upgrade: `before` may refuse it, `after` hears what came of it.

use super::progress::Progress;
use super::step::Step;
use crate::log;
use crate::protocol::{Event, Failure, FailureKind, Upgraded};
use crate::release::hooks::{self, About, Hook};
use crate::release::layout::Layout;
use crate::release::manifest::Manifest;
use plugin_abi::abi::LOG_WARN;

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

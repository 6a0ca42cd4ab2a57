//! `upgrade --dry-run`: what the upgrade would do; `rollback --dry-run`: the same of a roll-back.
//!
//! ```text
//! build, or unpack ─► a folder of its own, gone afterwards ─┬─ described in another OS process ─┐
//!                                                           └─ read by the node ────────────────┴─► plan ─► printed
//! ```
//!
//! The node's folder is not written to, and the node loads nothing. It plans by the same function, and from the same facts, as for the upgrade
//! itself.

use super::upgrade::Wish;
use super::version::ask_status;
use super::{describe, follow, planned, upgrade};
use crate::answers::{Answer, Done, Found, Preview};
use crate::cli::Making;
use crate::client::{self, PATIENCE};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::github;
use crate::hints;
use crate::output;
use crate::plan_text::render;
use crate::progress::Progress;
use runtime::protocol::{CheckOutcome, Command, DeclaredListener, Outcome, Plan, PlannedCheck};
use runtime::release::layout::Layout;
use runtime::release::manifest::Manifest;
use runtime::release::store::Store;
use std::fs;
use std::io;
use std::path::Path;

pub(super) fn dry_run(
    context: &Context,
    release: Option<&Path>,
    wish: Wish,
    out: Option<&Path>,
    making: &Making,
) -> Result<(), Failure> {
    let node = context.node()?;
    let status = ask_status(&mut client::connect(&node)?)?;
    let place = tempfile::tempdir().map_err(|error| unmade(&error))?;
    let store = Store::new(Layout::new(place.path()));
    borrow(&node.layout, store.layout()).map_err(|error| unmade(&error))?;
    let mut progress = Progress::new(context.json());
    let staged = upgrade::stage(context, release, &status, &store, making, &mut progress);
    progress.finish();
    let manifest = staged?;
    let (listeners, unknown) = listeners(&store, &manifest);
    let root = Some(place.path().display().to_string());
    let command = Command::Plan {
        release: manifest.version.to_string(),
        root,
        force: wish.force,
        confirm_within_ms: wish.confirm_within.map(follow::milliseconds),
        listeners,
    };
    match client::connect(&node)?.ask(command, PATIENCE)? {
        Outcome::Plan(plan) => {
            conclude(context.json(), plan.clone(), unknown)?;
            out.map_or(Ok(()), |out| planned::write(out, release, &wish, plan))
        }
        _ => Err(no_plan()),
    }
}

/// What a roll-back would do. All of it is in the node's folder, and nothing is loaded.
pub(super) fn rollback(context: &Context, release: Option<String>, force: bool) -> Result<(), Failure> {
    match context.connect()?.ask(Command::PlanRollback { release, force }, PATIENCE)? {
        Outcome::Plan(plan) => conclude(context.json(), plan, None),
        _ => Err(no_plan()),
    }
}

fn no_plan() -> Failure {
    Failure::error("the node answers something else than a plan").hint(hints::ANOTHER_VERSION)
}

fn unmade(error: &io::Error) -> Failure {
    Failure::error(format!("a folder for the plan cannot be made: {error}")).hint(hints::TEMPORARY)
}

/// What decides whether a release is taken, the keys and the record, as the node has them.
fn borrow(from: &Layout, to: &Layout) -> io::Result<()> {
    fs::create_dir_all(to.releases())?;
    copy_if_there(&from.record(), &to.record())?;
    for (from, to) in [(from.keys(), to.keys()), (from.revoked_keys(), to.revoked_keys())] {
        let entries = match fs::read_dir(&from) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        fs::create_dir_all(&to)?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::copy(entry.path(), to.join(entry.file_name()))?;
            }
        }
    }
    Ok(())
}

fn copy_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What the application listens on; or why that is not known.
fn listeners(store: &Store, manifest: &Manifest) -> (Option<Vec<DeclaredListener>>, Option<String>) {
    // The application's own first, as the node has them.
    let plugins = manifest.plugins.iter().rev();
    let described = plugins.map(|plugin| describe::ask(&store.layout().root().join(&plugin.file)));
    match described.collect::<Result<Vec<_>, _>>() {
        Ok(listeners) => (Some(listeners.concat()), None),
        Err(reason) => (None, Some(reason)),
    }
}

pub(super) fn conclude(as_json: bool, plan: Plan, unknown: Option<String>) -> Result<(), Failure> {
    let text = render(&plan);
    github::planned(&text);
    if !as_json {
        output::line(text.trim_end());
        if let Some(reason) = &unknown {
            output::note(&format!("warning: what it listens on is not known: {reason}"));
        }
    }
    let refusal = plan.checks.iter().find(|check| check.outcome == CheckOutcome::Refused).cloned();
    let serving = Some(plan.from.clone());
    let preview = Preview { plan, listeners_unknown: unknown };
    if let Some(PlannedCheck { message, details, hint, .. }) = refusal {
        let more = More {
            details: details.map(String::into_boxed_str),
            found: Some(Found::Preview(preview)),
            ..More::default()
        };
        let failure = Failure::new(ExitCode::Refused, message).step("check");
        return Err(Failure { hint, serving, more: Box::new(more), ..failure });
    }
    if as_json {
        output::json(Answer::Planned(Done::new(preview)));
    }
    Ok(())
}

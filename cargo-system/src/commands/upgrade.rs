//! `upgrade`: build the change, stage it, and have the node swap it in.

use super::follow;
use super::version::{ask_status, current};
use crate::builder::{self, Purpose};
use crate::cli::{Making, Signing, Waiting};
use crate::client;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::signer::Signer;
use crate::stage::Parts;
use crate::{interrupt, output, stage};
use runtime::protocol::{Command, Event, Status};
use runtime::release::manifest::Manifest;
use runtime::release::settings::Settings;
use runtime::release::store::Store;
use std::path::Path;
use std::time::Duration;

/// How it is to be gone about.
#[derive(Clone, Debug, Default)]
pub(super) struct Wish {
    /// Also to a release that was rolled back.
    pub(super) force: bool,
    /// How long it is on probation, if somebody has to confirm it.
    pub(super) confirm_within: Option<Duration>,
    /// A probation is waited for.
    pub(super) wait: bool,
    /// From which release to which, and neither from another nor to another.
    pub(super) planned: Option<Planned>,
}

/// The two releases of a plan.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) from: String,
    pub(super) to: String,
}

impl Wish {
    /// The command, and how long to wait for its end.
    pub(super) fn command(self, release: &str, settings: Option<&Settings>, waiting: Waiting) -> (Command, Waiting) {
        let Self { force, confirm_within, wait, planned } = self;
        let from = planned.map(|planned| planned.from);
        let (release, follow_drain_ms) = (release.to_owned(), follow::milliseconds(follow::times(waiting).0));
        let confirm_within_ms = confirm_within.map(follow::milliseconds);
        let probation = confirm_within.or_else(|| settings?.probation()).filter(|_| wait).unwrap_or_default();
        let more = u32::try_from(probation.as_secs()).unwrap_or(u32::MAX);
        let waiting = Waiting { timeout: waiting.timeout.saturating_add(more), ..waiting };
        (Command::Upgrade { release, force, confirm_within_ms, wait, from, follow_drain_ms }, waiting)
    }
}

pub(super) fn upgrade(
    context: &Context,
    release: Option<&Path>,
    wish: Wish,
    waiting: Waiting,
    making: &Making,
) -> Result<(), Failure> {
    let node = context.node()?;
    // Before anything is built: is there somebody to upgrade, and what serves?
    let status = ask_status(&mut client::connect(&node)?)?;
    let store = Store::new(node.layout.clone());
    let mut progress = Progress::new(context.json());
    let manifest = stage(context, release, &status, &store, making, &mut progress)?;
    if let Some(planned) = wish.planned.as_ref().filter(|planned| planned.to != manifest.version.to_string()) {
        let message = format!("the plan goes to {}, and this is {}", planned.to, manifest.version);
        let failure =
            Failure::new(ExitCode::Refused, message).hint("plan anew: cargo system upgrade --dry-run --out FILE");
        return Err(Failure { serving: Some(current(&status).to_owned()), ..failure.step("stage") });
    }

    let (command, waiting) = wish.command(&manifest.version.to_string(), Some(&manifest.settings), waiting);
    follow::follow(context, &node, &status.name, command, waiting, progress)
}

/// The packed release, or the workspace's change, in that folder.
pub(super) fn stage(
    context: &Context,
    release: Option<&Path>,
    status: &Status,
    store: &Store,
    making: &Making,
    progress: &mut Progress,
) -> Result<Manifest, Failure> {
    let staged = match release {
        Some(release) => unpack(release, store, progress),
        None => build(context, status, store, making, progress),
    };
    let manifest = staged.map_err(|failure| Failure { serving: Some(current(status).to_owned()), ..failure })?;
    interrupt::check()?;
    Ok(manifest)
}

/// The packed release, in the node's folder.
fn unpack(release: &Path, store: &Store, progress: &mut Progress) -> Result<Manifest, Failure> {
    step(progress, "unpack", &format!("unpack {}", release.display()));
    stage::stage_release(store, release).map_err(|failure| failure.step("unpack"))
}

/// The workspace's change, in the node's folder.
fn build(
    context: &Context,
    status: &Status,
    store: &Store,
    making: &Making,
    progress: &mut Progress,
) -> Result<Manifest, Failure> {
    let application = context.application_of(&status.name)?;
    if application.name != status.name {
        let message = format!("the node in {} runs {}, and not {}", status.root, status.name, application.name);
        return Err(Failure::new(ExitCode::Refused, message).hint("give the node of that application with --node"));
    }
    let signer = signer(store, &making.signing)?;
    step(progress, "build", &format!("build {}", application.name));
    // cargo shows its own progress.
    progress.pause();
    let objects = builder::build(&application, Purpose::Upgrade, making.target.as_deref())
        .map_err(|failure| failure.step("build"))?;
    progress.go_on();
    let (files, settings) = (Vec::new(), application.settings);
    let parts = Parts { runtime_file: "", files, settings, sbom: None, signer: signer.as_ref() };
    stage::stage_build(store, &application.name, &objects, parts).map_err(|failure| failure.step("stage"))
}

/// Before anything is built: can it be signed as the node demands?
fn signer(store: &Store, signing: &Signing) -> Result<Option<Signer>, Failure> {
    check_signing(store, signing)?;
    signing.signer()
}

/// Is it going to be signed, where that is demanded?
pub(super) fn check_signing(store: &Store, signing: &Signing) -> Result<(), Failure> {
    let keys = stage::keys(store)?;
    if signing.key().is_none() && keys.demand_signatures() {
        return Err(Failure::new(
            ExitCode::Refused,
            "this node takes only releases that are signed with a key that it trusts",
        )
        .hint("give the secret key with --sign KEY, or in CARGO_SYSTEM_SIGN")
        .step("build"));
    }
    Ok(())
}

/// A step of this side.
pub(super) fn step(progress: &mut Progress, name: &str, message: &str) {
    match progress {
        Progress::Json => output::json(Event::Step { step: name.to_owned() }),
        progress => progress.say(message),
    }
}

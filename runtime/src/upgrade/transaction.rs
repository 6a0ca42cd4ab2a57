//! How an upgrade begins, and what can be refused: `mod.rs` has the picture.

use super::attempt::Attempt;
use super::candidate::{Candidate, Fresh, RootFuture};
use super::change::{self, Change};
use super::contained::contained;
use super::journal::Journal;
use super::probation::Decision;
use super::progress::{Progress, Watcher};
use super::step::Step;
use super::tree;
use super::versions::Versions;
use crate::image::{Configured, Image, PluginFacts, inspect};
use crate::listen::{self, Listeners, Running};
use crate::log;
use crate::protocol::{Failure, FailureKind, OnProbation, Pauses, Upgraded};
use crate::release::history::{By, Kind};
use crate::release::manifest::{Manifest, PluginEntry};
use crate::release::record::Record;
use crate::release::store::{RECORD_PATIENCE, Store, StoreError};
use plugin_abi::abi::{IMAGE_CURRENT, LOG_ERROR, LOG_INFO};
use semver::Version;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A version is the name of a folder …
const VERSION_LEN_MAX: usize = 200;
/// … and of what is none, so much is shown, in characters.
const VERSION_SHOWN_LEN: usize = 64;

/// How often it is looked whether an upgrade has ended.
const STOP_LOOK: Duration = Duration::from_millis(5);

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// To which release.
    pub(super) release: Version,
    /// Forward or back.
    pub(super) kind: Kind,
    /// Who asks.
    pub(super) by: By,
    /// How.
    pub(super) wish: Wish,
}

/// How it is to be gone about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// Also if it was rolled back before.
    pub(crate) is_forced: bool,
    /// It is on probation for so long, and rolled back then unless it is confirmed.
    pub(crate) confirm_within: Option<Duration>,
    /// Only if this release serves.
    pub(crate) from: Option<String>,
}

/// An upgrade or a roll-back in progress.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) watcher: Watcher,
    /// Another client has begun it.
    pub(crate) is_attached: bool,
    /// It ends a probation: if that is rolled back, so it was wished, and it has come to this.
    pub(crate) turns_back: Option<Upgraded>,
}

impl Begun {
    /// Followed through the probation, if there is one.
    pub(crate) fn followed_through(mut self) -> Self {
        self.watcher.go_to_the_end();
        self
    }
}

/// What is wrong before anything has changed.
pub(super) fn refused(step: Step, message: impl ToString, hint: Option<&str>) -> Failure {
    Failure {
        kind: if step.is_harmless() { FailureKind::Refused } else { FailureKind::RolledBack },
        step: Some(step.name().to_owned()),
        message: message.to_string(),
        details: None,
        hint: hint.map(str::to_owned),
        serving: listen::current().map(|running| running.version.clone()),
    }
}

/// Nothing has changed: what the node's folder says cannot be read, or written.
pub(super) fn unread(error: &StoreError) -> Failure {
    refused(Step::Check, error, Some(error.hint()))
}

/// The node still boots.
pub(super) fn nothing_serves() -> Failure {
    refused(Step::Check, "nothing serves yet", Some("wait until the node serves: cargo system status"))
}

fn nowhere_to_go(record: &Record) -> Failure {
    let nothing =
        |why: &str, hint: &str| refused(Step::Check, format!("there is nothing to go back to: {why}"), Some(hint));
    match record.old.first() {
        Some(left) => nothing(
            &format!("{left} has served here, and was rolled back"),
            &format!("mend it and upgrade to that; or insist with cargo system rollback {left} --force"),
        ),
        None => nothing(
            "no other release has served here",
            "cargo system releases shows what is there; cargo system upgrade goes to any of it",
        ),
    }
}

/// Makes the release that boots the current one.
///
/// # Errors
/// What a first upgrade would be refused for; nothing listens then.
pub(crate) fn boot(store: Store, listeners: Listeners, release: &Version) -> Result<Versions, Failure> {
    let versions = Versions::new(store, listeners);
    let (manifest, facts) = Versions::read(&versions.store, release)?;
    let candidate = versions.prepare(&manifest, &facts, None)?;
    let (_, roots) = versions.switch(candidate);
    let last = roots.len().saturating_sub(1);
    for (at, (image, root)) in roots.into_iter().enumerate() {
        let Some(root) = root.start(image) else { continue };
        versions.set_root(image, root);
        // Who needs it is told of it when it is there; what fails ends the node by itself, or is left to its supervisors.
        if let Some(root) = tree::root_on(Some(root), image).filter(|_| at < last) {
            let _: Result<(), String> = tree::start_added(root);
        }
    }
    Ok(versions)
}

impl Versions {
    /// Begins an upgrade, or attaches to one to the same release.
    ///
    /// # Errors
    /// Another upgrade is in progress, the system gives no thread, or that is no version.
    pub(crate) fn upgrade(self: &Arc<Self>, release: &str, wish: Wish, by: By) -> Result<Begun, Failure> {
        self.start(Request { release: version(release)?, kind: Kind::Upgrade, by, wish })
    }

    /// Begins a roll-back, to that release or to the one before.
    ///
    /// # Errors
    /// As `upgrade`; or there is nothing to go back to.
    pub(crate) fn roll_back(
        self: &Arc<Self>,
        release: Option<&str>,
        is_forced: bool,
        by: By,
    ) -> Result<Begun, Failure> {
        if let Some(begun) = self.turn_back(release) {
            return Ok(begun);
        }
        self.start(self.back_to(release, is_forced, by)?)
    }

    /// A roll-back to that release, or to the one before: never, unless it is named, to one that somebody went back from.
    pub(super) fn back_to(&self, release: Option<&str>, is_forced: bool, by: By) -> Result<Request, Failure> {
        let record = self.store.record().map_err(|error| unread(&error))?;
        let release = match release {
            Some(release) => version(release)?,
            None => record.way_back().cloned().ok_or_else(|| nowhere_to_go(&record))?,
        };
        let wish = Wish { is_forced, ..Wish::default() };
        Ok(Request { release, kind: Kind::Rollback, by, wish })
    }

    /// What is on probation stays.
    ///
    /// # Errors
    /// Nothing is.
    pub(crate) fn confirm(&self) -> Result<Begun, Failure> {
        self.decide(Decision::Confirm).ok_or_else(|| {
            let serving = listen::current().map_or("nothing", |running| &running.version);
            let hint = Some("cargo system history shows what became of it");
            refused(Step::Check, format!("nothing is on probation: {serving} serves"), hint)
        })
    }

    /// The node stops: what is not permanent yet is not kept, no further step is taken, and the record says so before the node ends, if that comes about in
    /// time. A hook that runs then is left alone.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        if let Some(probation) = self.probation.lock().clone() {
            probation.decide(Decision::Stop);
        }
        let Some(progress) = self.in_progress.lock().clone() else { return };
        if progress.is_at(Step::Before.name()) {
            return;
        }
        let until = Instant::now() + RECORD_PATIENCE;
        while !progress.is_recorded() && Instant::now() < until {
            std::thread::sleep(STOP_LOOK);
        }
    }

    /// What is on probation, if a roll-back to that release ends that.
    pub(super) fn turns_back(&self, release: Option<&str>) -> Option<OnProbation> {
        self.on_probation().filter(|probation| release.is_none_or(|release| release == probation.from))
    }

    /// What is on probation goes back, if that is where `release` leads.
    fn turn_back(&self, release: Option<&str>) -> Option<Begun> {
        let status = self.turns_back(release)?;
        let mut begun = self.decide(Decision::RollBack)?;
        begun.turns_back = Some(Upgraded {
            from: status.to,
            to: status.from,
            changed: true,
            switched_after_us: 0,
            draining: 0,
            pauses: Pauses::default(),
            probation: None,
        });
        Some(begun)
    }

    fn decide(&self, decision: Decision) -> Option<Begun> {
        let progress = self.in_progress.lock().clone()?;
        let probation = self.probation.lock().clone()?;
        let watcher = progress.watch_the_end();
        probation.decide(decision).then_some(Begun { watcher, is_attached: false, turns_back: None })
    }

    fn start(self: &Arc<Self>, request: Request) -> Result<Begun, Failure> {
        let mut in_progress = self.in_progress.lock();
        let release = request.release.to_string();
        if let Some(progress) = in_progress.clone() {
            drop(in_progress);
            if progress.release() == release {
                return Ok(Begun { watcher: progress.watch(), is_attached: true, turns_back: None });
            }
            return Err(self.locked(&progress));
        }
        let progress = Progress::new(&release);
        let (versions, running) = (Arc::clone(self), Arc::clone(&progress));
        let thread = std::thread::Builder::new().name("upgrade".to_owned());
        if let Err(error) = thread.spawn(move || versions.run(&running, request)) {
            let hint = Some("the system's limit of threads is reached; try it again");
            return Err(refused(Step::Check, format!("the system gives no thread for the upgrade: {error}"), hint));
        }
        let watcher = progress.watch();
        *in_progress = Some(progress);
        Ok(Begun { watcher, is_attached: false, turns_back: None })
    }

    /// Another one is in progress.
    pub(super) fn locked(&self, progress: &Progress) -> Failure {
        let release = progress.release();
        let (message, hint) = match self.on_probation() {
            Some(_) => {
                (format!("{release} is on probation"), "end that first: cargo system confirm, or cargo system rollback")
            }
            None => (
                format!("an upgrade to {release} is in progress"),
                "wait for it, then try again; cargo system status shows what runs",
            ),
        };
        Failure { kind: FailureKind::Locked, step: None, ..refused(Step::Check, message, Some(hint)) }
    }

    fn run(&self, progress: &Progress, request: Request) {
        change::tell(Change::Begins(progress.release()));
        let end = contained(progress, || self.attempt(progress, &request));
        change::tell(Change::Ends);
        match &end {
            Ok(done) if done.changed => {
                let Upgraded { from, to, switched_after_us, pauses, .. } = done;
                let message = format!("{from} → {to} in {switched_after_us} µs, moved: {}", pauses.count);
                log::host(LOG_INFO, "upgrade", &message);
            }
            Ok(_) => {}
            Err(failure) => {
                let what = if failure.kind == FailureKind::Refused { "refused" } else { "failed" };
                let message = format!("to {} {what}: {}", progress.release(), failure.message);
                log::host(LOG_ERROR, "upgrade", &message);
            }
        }
        *self.in_progress.lock() = None;
        progress.end(end);
    }

    fn attempt(&self, progress: &Progress, request: &Request) -> Result<Upgraded, Failure> {
        let before = listen::current().ok_or_else(nothing_serves)?;
        let journal = Journal::begin(&self.store, request, &before.version).map_err(|error| unread(&error))?;
        Attempt::new(self, progress, journal, before).run(request)
    }

    /// A release's manifest, and what its plugins say of themselves, in its order.
    pub(super) fn read(store: &Store, release: &Version) -> Result<(Manifest, Vec<PluginFacts>), Failure> {
        let check = |error: &dyn ToString| {
            let again = "make the release again: cargo system release, or cargo system upgrade";
            refused(Step::Check, error.to_string(), Some(again))
        };
        let manifest = store.manifest(release).map_err(|error| check(&error))?;
        manifest.check().map_err(|error| check(&format!("the manifest of {release} is wrong: {error}")))?;
        let facts = |plugin: &PluginEntry| {
            let facts = inspect(&store.layout().root().join(&plugin.file)).map_err(|error| check(&error))?;
            if facts.hash != plugin.hash {
                let message =
                    format!("{} is not the file that the manifest of {release} names: its hash differs", plugin.file);
                return Err(check(&message));
            }
            Ok(facts)
        };
        let facts = manifest.plugins.iter().map(facts).collect::<Result<_, _>>()?;
        Ok((manifest, facts))
    }

    /// New processes start on the candidate's images from here on.
    pub(super) fn switch(&self, candidate: Candidate) -> (&'static Running, Vec<(&'static Image, RootFuture)>) {
        let Candidate { running, fresh, bound } = candidate;
        let running: &'static Running = Box::leak(Box::new(running));
        let mut roots = Vec::new();
        for Fresh { image, root, config, configured } in fresh {
            take_config(image, configured);
            self.set_config(image, config);
            image.set_state(IMAGE_CURRENT);
            roots.extend(root.map(|root| (image, root)));
        }
        self.note_current(running);
        listen::set_current(running);
        self.listeners.lock().open(bound, running);
        (running, roots)
    }
}

pub(super) fn take_config(image: &Image, configured: Option<Configured>) {
    if let Some((application, configured)) = image.application().zip(configured) {
        application.take_config(configured);
    }
}

pub(super) fn version(text: &str) -> Result<Version, Failure> {
    let version = text.parse().ok().filter(|_| text.len() <= VERSION_LEN_MAX);
    let shown: String = text.chars().take(VERSION_SHOWN_LEN).collect();
    let hint = Some("write it as cargo system releases shows it, such as 1.2.0+3f2a91bc");
    version.ok_or_else(|| refused(Step::Check, format!("{shown:?} is not a release's version"), hint))
}

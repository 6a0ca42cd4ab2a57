//! The transaction itself, and what the node knows of its versions.

use super::around::{self, BEFORE};
use super::journal::Journal;
use super::progress::{Progress, Watcher};
use crate::host::HOST_TABLE;
use crate::image::{self, Image, PluginFacts, inspect};
use crate::listen::{self, Listeners, Prepared};
use crate::log;
use crate::process::{Pid, table};
use crate::protocol::{Event, Failure, FailureKind, Upgraded};
use crate::release::history::{By, Kind};
use crate::release::hooks::Hook;
use crate::release::manifest::{Manifest, PluginEntry};
use crate::release::store::Store;
use crate::scheduler;
use parking_lot::Mutex;
use plugin_abi::abi::{IMAGE_CURRENT, IMAGE_DRAINING, LOG_ERROR, LOG_INFO, ProcessFuture};
use semver::Version;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// The node's versions.
#[derive(Debug)]
pub(crate) struct Versions {
    store: Store,
    listeners: Mutex<Listeners>,
    in_progress: Mutex<Option<Arc<Progress>>>,
    current_since: Mutex<HashMap<u64, Instant>>,
    /// Image → its root process, which may have ended.
    roots: Mutex<HashMap<u64, Pid>>,
}

/// An image that is ready to become current.
struct Candidate {
    image: &'static Image,
    root: Option<RootFuture>,
    listeners: Prepared,
}

/// A root process that was made and not started.
struct RootFuture(ProcessFuture);

fn refused(step: &str, message: impl ToString, hint: Option<&str>) -> Failure {
    Failure {
        kind: FailureKind::Refused,
        step: Some(step.to_owned()),
        message: message.to_string(),
        hint: hint.map(str::to_owned),
        serving: listen::current().map(|image| image.version.to_owned()),
    }
}

/// Makes the release that boots the current one.
///
/// # Errors
/// What a first upgrade would be refused for; nothing listens then.
pub(crate) fn boot(store: Store, listeners: Listeners, release: &Version) -> Result<Versions, Failure> {
    let versions = Versions {
        store,
        listeners: Mutex::new(listeners),
        in_progress: Mutex::new(None),
        current_since: Mutex::default(),
        roots: Mutex::default(),
    };
    let (manifest, facts) = versions.check(release)?;
    let candidate = versions.prepare(&manifest, &facts, Some(&versions.listeners.lock()))?;
    versions.switch(candidate);
    Ok(versions)
}

impl Versions {
    /// Starts an upgrade, or attaches to one to the same release. The flag says which: true when attached.
    ///
    /// # Errors
    /// Another upgrade is in progress, or the system gives no thread.
    pub(crate) fn upgrade(self: &Arc<Self>, release: &str, by: By) -> Result<(Watcher, bool), Failure> {
        let mut in_progress = self.in_progress.lock();
        if let Some(progress) = &*in_progress {
            if progress.release() == release {
                return Ok((progress.watch(), true));
            }
            let message = format!("an upgrade to {} is in progress", progress.release());
            let hint = Some("wait for it, then try again; cargo system status shows what runs");
            return Err(Failure { kind: FailureKind::Locked, step: None, ..refused("", message, hint) });
        }
        let progress = Progress::new(release);
        let (versions, running) = (Arc::clone(self), Arc::clone(&progress));
        let thread = std::thread::Builder::new().name("upgrade".to_owned());
        if let Err(error) = thread.spawn(move || versions.run(&running, by)) {
            return Err(refused("check", format!("the system gives no thread for the upgrade: {error}"), None));
        }
        let watcher = progress.watch();
        *in_progress = Some(progress);
        Ok((watcher, false))
    }

    fn run(&self, progress: &Progress, by: By) {
        let end = self.journaled(progress, by);
        match &end {
            Ok(done) if done.changed => {
                log::host(
                    LOG_INFO,
                    "upgrade",
                    &format!("{} → {} in {} µs", done.from, done.to, done.switched_after_us),
                );
            }
            Ok(_) => {}
            Err(failure) => {
                log::host(LOG_ERROR, "upgrade", &format!("to {} refused: {}", progress.release(), failure.message));
            }
        }
        *self.in_progress.lock() = None;
        progress.end(end);
    }

    fn journaled(&self, progress: &Progress, by: By) -> Result<Upgraded, Failure> {
        let from = listen::current().map_or("", |image| image.version);
        let release: Version = progress
            .release()
            .parse()
            .map_err(|_| refused("check", format!("{:?} is not a release's version", progress.release()), None))?;
        let journal = Journal::begin(&self.store, Kind::Upgrade, by, from, release.clone())
            .map_err(|error| refused("check", error, None))?;
        let end = self.install(&release, progress, &journal);
        journal.end(&end);
        if let Ok(manifest) = self.store.manifest(&release) {
            around::after(self.store.layout(), &manifest, from, &end, progress);
        }
        end
    }

    fn install(&self, release: &Version, progress: &Progress, journal: &Journal<'_>) -> Result<Upgraded, Failure> {
        let begun = Instant::now();
        let from = listen::current().map_or("", |image| image.version).to_owned();
        let step = |step: &str| {
            progress.step(step);
            journal.step(step).map_err(|error| refused(step, error, None))
        };
        step("check")?;
        self.store.check_trust(release, false).map_err(|error| refused("check", &error, error.hint()))?;
        let (manifest, facts) = self.check(release)?;
        if listen::current().is_some_and(|image| image.hash == facts.hash) {
            return Ok(Upgraded { to: from.clone(), from, changed: false, switched_after_us: 0, draining: draining() });
        }
        if Hook::Before.is_there(self.store.layout()) {
            step(BEFORE)?;
            around::before(self.store.layout(), &manifest, &from).map_err(|error| refused(BEFORE, error, None))?;
        }
        step("prepare")?;
        let candidate = self.prepare(&manifest, &facts, None)?;
        step("switch")?;
        let to = candidate.image.version.to_owned();
        self.switch(candidate);
        let switched_after_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        progress.push(Event::Switched { from: from.clone(), to: to.clone() });
        Ok(Upgraded { from, to, changed: true, switched_after_us, draining: draining() })
    }

    fn check(&self, release: &Version) -> Result<(Manifest, PluginFacts), Failure> {
        let again = Some("make the release again: cargo system release, or cargo system upgrade");
        let manifest = self.store.manifest(release).map_err(|error| refused("check", error, again))?;
        let plugin = single_plugin(&manifest).map_err(|error| refused("check", error, again))?;
        let facts =
            inspect(&self.store.layout().root().join(&plugin.file)).map_err(|error| refused("check", error, again))?;
        if facts.hash != plugin.hash {
            let message =
                format!("{} is not the file that the manifest of {release} names: its hash differs", plugin.file);
            return Err(refused("check", message, again));
        }
        let serving = listen::current().and_then(|_| self.store.permanent_manifest().ok().flatten());
        if let Some(serving) = serving
            && serving.name != manifest.name
        {
            let message = format!("this node runs {}, and the release is of {}", serving.name, manifest.name);
            return Err(refused("check", message, Some("give the node of that application with --node")));
        }
        Ok((manifest, facts))
    }

    /// `at_boot`: checks the command line's overrides too.
    fn prepare(
        &self,
        manifest: &Manifest,
        facts: &PluginFacts,
        at_boot: Option<&Listeners>,
    ) -> Result<Candidate, Failure> {
        let plugin = single_plugin(manifest).map_err(|error| refused("prepare", error, None))?;
        let path = self.store.layout().root().join(&plugin.file);
        // A build that was current before is still loaded, and loading it again would give the same image.
        let loaded = image::all().into_iter().find(|image| image.hash == facts.hash);
        let image = match loaded {
            Some(image) => image,
            None => image::load(&path, facts, &manifest.version.to_string(), &HOST_TABLE)
                .map_err(|error| refused("prepare", format!("{}: {error}", plugin.name), None))?,
        };
        let root = root_of(image).map_err(|error| refused("prepare", error, None))?;
        let declared = &image.listeners;
        let listeners = match at_boot {
            Some(listeners) => listeners.check_overrides(declared).and_then(|()| listeners.prepare(declared)),
            None => self.listeners.lock().prepare(declared),
        };
        let elsewhere = Some("stop what listens there, or give another address with --listen or PORT");
        let listeners = listeners.map_err(|error| refused("prepare", error, elsewhere))?;
        self.store.set_permanent(&manifest.version).map_err(|error| refused("prepare", error, None))?;
        Ok(Candidate { image, root, listeners })
    }

    fn switch(&self, candidate: Candidate) {
        let Candidate { image, root, listeners } = candidate;
        let before = listen::current();
        self.current_since.lock().insert(image.context.id, Instant::now());
        image.set_state(IMAGE_CURRENT);
        listen::set_current(image);
        self.listeners.lock().commit(listeners);
        if let Some(root) = root.and_then(|root| root.start(image)) {
            self.roots.lock().insert(image.context.id, root);
        }
        if let Some(before) = before {
            before.set_state(IMAGE_DRAINING);
            table::of_image(before).for_each(|process| scheduler::wake(process.process()));
        }
    }

    /// Access to the listeners, for status and stop.
    pub(crate) fn listeners(&self) -> &Mutex<Listeners> {
        &self.listeners
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// An image's root process, if it was given one. It may have ended.
    pub(crate) fn root(&self, image: &Image) -> Option<Pid> {
        self.roots.lock().get(&image.context.id).copied()
    }

    /// When an image became current, last.
    pub(crate) fn current_since(&self, image: &Image) -> Option<Instant> {
        self.current_since.lock().get(&image.context.id).copied()
    }
}

/// Processes on images that are not current.
pub(crate) fn draining() -> u64 {
    let current = listen::current().map(|image| image.context.id);
    image::all().iter().filter(|image| Some(image.context.id) != current).map(|image| image.processes.get()).sum()
}

fn single_plugin(manifest: &Manifest) -> Result<&PluginEntry, String> {
    match manifest.plugins.as_slice() {
        [plugin] => Ok(plugin),
        plugins => {
            Err(format!("the release {} has {} plugins, and this runtime takes one", manifest.version, plugins.len()))
        }
    }
}

fn root_of(image: &'static Image) -> Result<Option<RootFuture>, String> {
    let Some(application) = image.application() else { return Ok(None) };
    let root = application.start().map_err(|_| "the application's start failed; the log has the panic".to_owned())?;
    Ok(root.map(RootFuture))
}

#[expect(unsafe_code, reason = "a future that crossed the ABI is given on, or dropped")]
impl RootFuture {
    fn start(self, image: &'static Image) -> Option<Pid> {
        let future = self.0;
        std::mem::forget(self);
        // SAFETY: a future of this image, given away.
        let root = unsafe { scheduler::spawn(image, future) };
        if root.is_none() {
            log::host(
                LOG_ERROR,
                "upgrade",
                "the process limit is reached: the application's root process is not started",
            );
            drop(Self(future));
        }
        root
    }
}

#[expect(unsafe_code, reason = "a future that crossed the ABI is dropped by its own image")]
impl Drop for RootFuture {
    fn drop(&mut self) {
        // SAFETY: ours, and never polled.
        unsafe { ((*self.0.vtable).drop)(self.0.data) };
    }
}

//! The transaction itself: `mod.rs` has its picture.

use super::candidate::{Candidate, RootFuture, root_of};
use super::declared;
use super::moves;
use super::progress::{Progress, Watcher};
use super::versions::{Versions, draining};
use crate::host::HOST_TABLE;
use crate::image::{self, Image, PluginFacts, inspect};
use crate::listen::{self, Listeners};
use crate::log;
use crate::process::table;
use crate::protocol::{Event, Failure, FailureKind, Pauses, Upgraded};
use crate::release::manifest::{Manifest, PluginEntry};
use crate::release::store::Store;
use crate::scheduler;
use plugin_abi::abi::{IMAGE_CURRENT, IMAGE_DRAINING, LOG_ERROR, LOG_INFO, LOG_WARN};
use semver::Version;
use std::sync::Arc;
use std::time::Instant;

pub(super) fn refused(step: &str, message: impl ToString, hint: Option<&str>) -> Failure {
    Failure {
        kind: FailureKind::Refused,
        step: Some(step.to_owned()),
        message: message.to_string(),
        details: None,
        hint: hint.map(str::to_owned),
        serving: listen::current().map(|image| image.version.to_owned()),
    }
}

/// Makes the release that boots the current one.
///
/// # Errors
/// What a first upgrade would be refused for; nothing listens then.
pub(crate) fn boot(store: Store, listeners: Listeners, release: &Version) -> Result<Versions, Failure> {
    let versions = Versions::new(store, listeners);
    let (manifest, facts) = versions.check(release)?;
    let candidate = versions.prepare(&manifest, &facts, true)?;
    let (image, root) = versions.switch(candidate);
    if let Some(root) = root.and_then(|root| root.start(image)) {
        versions.set_root(image, root);
    }
    Ok(versions)
}

impl Versions {
    /// Starts an upgrade, or attaches to one to the same release. The flag says which: true when attached.
    ///
    /// # Errors
    /// Another upgrade is in progress, or the system gives no thread.
    pub(crate) fn upgrade(self: &Arc<Self>, release: &str) -> Result<(Watcher, bool), Failure> {
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
        if let Err(error) = thread.spawn(move || versions.run(&running)) {
            return Err(refused("check", format!("the system gives no thread for the upgrade: {error}"), None));
        }
        let watcher = progress.watch();
        *in_progress = Some(progress);
        Ok((watcher, false))
    }

    fn run(&self, progress: &Progress) {
        let end = self.install(progress);
        match &end {
            Ok(done) if done.changed => {
                let Upgraded { from, to, switched_after_us, pauses, .. } = done;
                let message = format!("{from} → {to} in {switched_after_us} µs; {} processes moved", pauses.count);
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

    fn install(&self, progress: &Progress) -> Result<Upgraded, Failure> {
        let begun = Instant::now();
        let before = listen::current();
        let from = before.map_or("", |image| image.version).to_owned();
        progress.step("check");
        let release: Version = progress
            .release()
            .parse()
            .map_err(|_| refused("check", format!("{:?} is not a release's version", progress.release()), None))?;
        let (manifest, facts) = self.check(&release)?;
        if before.is_some_and(|image| image.hash == facts.hash) {
            let (to, pauses) = (from.clone(), Pauses::default());
            return Ok(Upgraded { to, from, changed: false, switched_after_us: 0, draining: draining(), pauses });
        }
        for warning in declared::check(before, &facts)? {
            progress.push(Event::Warning { message: warning });
        }
        progress.step("prepare");
        let candidate = self.prepare(&manifest, &facts, false)?;
        progress.step("rehearse");
        if let Some(fault) = moves::rehearse(candidate.image).fault {
            let hint = "mend the state's conversion, or what keeps the process from its boundary, and try again";
            return Err(refused("rehearse", fault, Some(hint)));
        }
        progress.step("switch");
        let (image, root) = self.switch(candidate);
        let switched_after_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let to = image.version.to_owned();
        progress.push(Event::Switched { from: from.clone(), to: to.clone() });
        progress.step("move");
        let report = moves::move_all(image);
        let fault = report.fault.as_ref().map(|fault| ("move", fault.to_string()));
        let fault = fault.or_else(|| {
            progress.step("commit");
            self.store.set_permanent(&manifest.version).err().map(|error| ("commit", error.to_string()))
        });
        if let (Some((step, fault)), Some(before)) = (fault, before) {
            progress.step("roll-back");
            return Err(self.roll_back(image, before, step, fault));
        }
        self.listeners.lock().keep_only(&image.listeners);
        self.settle_root(before, image, root);
        before.into_iter().for_each(drain);
        let pauses = report.pauses();
        Ok(Upgraded { from, to, changed: true, switched_after_us, draining: draining(), pauses })
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
    fn prepare(&self, manifest: &Manifest, facts: &PluginFacts, at_boot: bool) -> Result<Candidate, Failure> {
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
        let listeners = self.listeners.lock();
        let overrides = if at_boot { listeners.check_overrides(declared) } else { Ok(()) };
        let elsewhere = Some("stop what listens there, or give another address with --listen or PORT");
        let listeners = overrides
            .and_then(|()| listeners.prepare(declared))
            .map_err(|error| refused("prepare", error, elsewhere))?;
        Ok(Candidate { image, root, listeners })
    }

    /// New processes start on the candidate's image from here on.
    fn switch(&self, candidate: Candidate) -> (&'static Image, Option<RootFuture>) {
        let Candidate { image, root, listeners } = candidate;
        self.note_current(image);
        image.set_state(IMAGE_CURRENT);
        listen::set_current(image);
        self.listeners.lock().open(listeners);
        (image, root)
    }

    /// The root process that was has moved; or the new version's starts.
    fn settle_root(&self, before: Option<&'static Image>, image: &'static Image, root: Option<RootFuture>) {
        let moved = before.and_then(|before| self.root(before)).and_then(table::find);
        let moved = moved.filter(|root| root.state.is_alive() && std::ptr::eq(root.image(), image));
        let root = match moved {
            Some(moved) => Some(moved.pid()),
            None => root.and_then(|root| root.start(image)),
        };
        if let Some(root) = root {
            self.set_root(image, root);
        }
    }

    /// The version before is current again, with all that had moved.
    fn roll_back(&self, image: &'static Image, before: &'static Image, step: &str, fault: String) -> Failure {
        listen::set_current(before);
        self.note_current(before);
        let back = moves::move_all(before);
        self.listeners.lock().keep_only(&before.listeners);
        drain(image);
        let failure = Failure { kind: FailureKind::RolledBack, ..refused(step, fault, None) };
        let Some(stuck) = back.fault else { return failure };
        let message = format!("{}; and on the way back: {stuck}", failure.message);
        log::host(LOG_WARN, "upgrade", &format!("some processes stay on {}: {stuck}", image.version));
        Failure { kind: FailureKind::NotRolledBack, message, ..failure }
    }
}

/// An image is not current any more: its processes hear it, and finish on their own.
fn drain(image: &'static Image) {
    image.set_state(IMAGE_DRAINING);
    table::of_image(image).for_each(|process| scheduler::wake(process.process()));
}

fn single_plugin(manifest: &Manifest) -> Result<&PluginEntry, String> {
    match manifest.plugins.as_slice() {
        [plugin] => Ok(plugin),
        plugins => {
            Err(format!("the release {} has {} plugins, and this runtime takes one", manifest.version, plugins.len()))
        }
    }
}

//! One upgrade: its steps, one after the other. `mod.rs` has the picture.

use super::around;
use super::candidate::{Candidate, RootFuture};
use super::declared;
use super::journal::Journal;
use super::moves;
use super::progress::Progress;
use super::step::Step;
use super::transaction::{Request, refused};
use super::versions::{Versions, draining};
use crate::image::Image;
use crate::listen;
use crate::log;
use crate::moving::Report;
use crate::process::table;
use crate::protocol::{Event, Failure, FailureKind, Pauses, Upgraded};
use crate::release::hooks::Hook;
use crate::scheduler;
use plugin_abi::abi::{IMAGE_DRAINING, LOG_WARN};
use std::time::Instant;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    versions: &'a Versions,
    progress: &'a Progress,
    journal: Journal<'a>,
    /// What serves before.
    before: &'static Image,
    begun: Instant,
}

/// The new version is current, and what the rest needs to know.
struct Switched {
    image: &'static Image,
    root: Option<RootFuture>,
    after_us: u64,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        versions: &'a Versions,
        progress: &'a Progress,
        journal: Journal<'a>,
        before: &'static Image,
    ) -> Self {
        Self { versions, progress, journal, before, begun: Instant::now() }
    }

    /// All of it, the hook after and the end in the record too.
    pub(super) fn run(self, request: &Request) -> Result<Upgraded, Failure> {
        let end = match self.begin(request) {
            Ok(None) => Ok(self.nothing_to_do()),
            Ok(Some(switched)) => self.take_effect(request, switched),
            Err(failure) => Err(failure),
        };
        // A commit has said so already.
        if !matches!(&end, Ok(done) if done.changed) {
            self.journal.end(&end);
        }
        if let Ok(manifest) = self.versions.store.manifest(&request.release) {
            around::after(self.versions.store.layout(), &manifest, self.before.version, &end, self.progress);
            around::retain(&self.versions.store, &manifest);
        }
        end
    }

    fn step(&self, step: Step) -> Result<(), Failure> {
        self.progress.step(step.name());
        self.journal.step(step).map_err(|error| refused(step, error, None))
    }

    /// What can be refused, and the switch. `None`: it serves already.
    fn begin(&self, request: &Request) -> Result<Option<Switched>, Failure> {
        let versions = self.versions;
        self.step(Step::Check)?;
        let (manifest, facts) = versions.check(request)?;
        if self.before.hash == facts.hash {
            return Ok(None);
        }
        for message in declared::check(self.before, &facts, request.kind)? {
            self.progress.push(Event::Warning { message });
        }
        if Hook::Before.is_there(versions.store.layout()) {
            self.step(Step::Before)?;
            around::before(versions.store.layout(), &manifest, self.before.version)
                .map_err(|error| refused(Step::Before, error, None))?;
        }
        self.step(Step::Prepare)?;
        let candidate = versions.prepare(&manifest, &facts, false)?;
        self.step(Step::Rehearse)?;
        self.rehearse(&candidate)?;
        self.step(Step::Switch)?;
        let (image, root) = versions.switch(candidate);
        let after_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (from, to) = (self.before.version.to_owned(), image.version.to_owned());
        self.progress.push(Event::Switched { from, to });
        Ok(Some(Switched { image, root, after_us }))
    }

    fn rehearse(&self, candidate: &Candidate) -> Result<(), Failure> {
        let Some(fault) = moves::rehearse(candidate.image).fault else { return Ok(()) };
        let hint = "mend the state's conversion, or what keeps the process from its boundary, and try again";
        Err(refused(Step::Rehearse, fault, Some(hint)))
    }

    fn nothing_to_do(&self) -> Upgraded {
        let serving = self.before.version.to_owned();
        let pauses = Pauses::default();
        Upgraded {
            from: serving.clone(),
            to: serving,
            changed: false,
            switched_after_us: 0,
            draining: draining(),
            pauses,
        }
    }

    fn take_effect(&self, request: &Request, switched: Switched) -> Result<Upgraded, Failure> {
        match self.move_and_commit(request, &switched) {
            Ok(done) => {
                let Switched { image, root, .. } = switched;
                self.versions.listeners.lock().keep_only(&image.listeners);
                self.settle_root(image, root);
                drain(self.before);
                Ok(Upgraded { draining: draining(), ..done })
            }
            Err(failure) => Err(self.roll_back(switched.image, failure)),
        }
    }

    fn move_and_commit(&self, request: &Request, switched: &Switched) -> Result<Upgraded, Failure> {
        self.step(Step::Move)?;
        let report = moves::move_all(switched.image);
        if let Some(fault) = &report.fault {
            return Err(refused(Step::Move, fault, None));
        }
        self.step(Step::Commit)?;
        let done = self.done(switched, &report);
        self.journal.commit(&done, request).map_err(|error| refused(Step::Commit, error, None))?;
        Ok(done)
    }

    fn done(&self, switched: &Switched, report: &Report) -> Upgraded {
        Upgraded {
            from: self.before.version.to_owned(),
            to: switched.image.version.to_owned(),
            changed: true,
            switched_after_us: switched.after_us,
            draining: self.before.processes.get(),
            pauses: report.pauses(),
        }
    }

    /// The root process that was has moved; or the new version's starts.
    fn settle_root(&self, image: &'static Image, root: Option<RootFuture>) {
        let moved = self.versions.root(self.before).and_then(table::find);
        let moved = moved.filter(|root| root.state.is_alive() && std::ptr::eq(root.image(), image));
        let root = match moved {
            Some(moved) => Some(moved.pid()),
            None => root.and_then(|root| root.start(image)),
        };
        if let Some(root) = root {
            self.versions.set_root(image, root);
        }
    }

    /// The version before is current again, with all that had moved.
    fn roll_back(&self, image: &'static Image, failure: Failure) -> Failure {
        self.progress.step(Step::RollBack.name());
        if let Err(error) = self.journal.step(Step::RollBack) {
            log::host(LOG_WARN, "upgrade", &format!("the record does not say that it is rolled back: {error}"));
        }
        listen::set_current(self.before);
        self.versions.note_current(self.before);
        let back = moves::move_all(self.before);
        self.versions.listeners.lock().keep_only(&self.before.listeners);
        drain(image);
        let serving = Some(self.before.version.to_owned());
        let failure = Failure { kind: FailureKind::RolledBack, serving, ..failure };
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

//! One upgrade: its steps, one after the other. `mod.rs` has the picture.

use super::around;
use super::candidate::{Candidate, RootFuture, tell_change};
use super::change::{self, Change};
use super::contained::contained;
use super::drain;
use super::health;
use super::journal::Journal;
use super::moves;
use super::plan::{CandidateFacts, Planned};
use super::probation::{Crashes, Decision, NotKept, Probation};
use super::progress::Progress;
use super::step::Step;
use super::swap::{Swap, swaps};
use super::tally;
use super::transaction::{Request, refused};
use super::versions::{Versions, draining};
use crate::image::Image;
use crate::listen::Running;
use crate::moving::Report;
use crate::process::table;
use crate::protocol::{Event, Failure, MovePolicy, Pauses, Unconfirmed, Upgraded};
use crate::scheduler;
use plugin_abi::abi::IMAGE_DRAINING;
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// See the file's head.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) versions: &'a Versions,
    pub(super) progress: &'a Progress,
    pub(super) journal: Journal<'a>,
    /// What serves before.
    pub(super) before: &'static Running,
    /// How often that crashed while it served.
    crashes_before: Crashes,
    /// How processes move, forth and back.
    pub(super) moves: Cell<MovePolicy>,
    begun: Instant,
}

const BARRIER_HINT: &str =
    "nothing has changed: mend it, or have processes move one by one (move = \"each\" in [package.metadata.system])";
const HOOK_HINT: &str = "the hook decides: mend what it says, or the hook itself";
const MOVE_HINT: &str = "mend the state's conversion, or what keeps the process from its boundary, and try again";
const START_HINT: &str = "mend the start that failed, and try again";
const STOPPED_HINT: &str = "start the node, and upgrade again";
const HEALTH_HINT: &str = "mend what the check finds, and upgrade to that; --force tries the same release again";
const PROBATION_HINT: &str = "cargo system history has what happened; --force tries the same release again";

/// The new version is current, and what the rest needs to know.
pub(super) struct Switched {
    pub(super) running: &'static Running,
    pub(super) swaps: Vec<Swap>,
    /// The roots of its new images that have not started.
    roots: Vec<(&'static Image, RootFuture)>,
    after_us: u64,
}

impl Switched {
    /// The images that do not serve any more.
    pub(super) fn replaced(&self) -> impl Iterator<Item = &'static Image> {
        self.swaps.iter().filter_map(|swap| swap.before)
    }

    fn take_root(&mut self, image: &'static Image) -> Option<RootFuture> {
        let at = self.roots.iter().position(|(other, _)| std::ptr::eq(*other, image))?;
        Some(self.roots.swap_remove(at).1)
    }
}

/// What the steps so far have come to.
#[derive(Default)]
struct Taken {
    candidate: Option<Candidate>,
    switched: Option<Switched>,
    report: Option<Report>,
    /// The new version's root has started, and the version before drains.
    in_effect: bool,
    /// The node stops: nobody goes back any more.
    is_stopping: bool,
    done: Option<Upgraded>,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        versions: &'a Versions,
        progress: &'a Progress,
        journal: Journal<'a>,
        before: &'static Running,
    ) -> Self {
        let crashes_before = versions.crashes(before);
        let moves = Cell::new(MovePolicy::Each);
        Self { versions, progress, journal, before, crashes_before, moves, begun: Instant::now() }
    }

    /// All of it, the hook after and the end in the record too.
    pub(super) fn run(self, request: &Request) -> Result<Upgraded, Failure> {
        let end = contained(self.progress, || self.go(request));
        tally::count(&end);
        // A commit has said so already.
        if !matches!(&end, Ok(done) if done.changed) {
            self.journal.end(&end, request);
        }
        self.progress.recorded();
        if let Ok(manifest) = self.versions.store.manifest(&request.release) {
            around::after(self.versions.store.layout(), &manifest, &self.before.version, &end, self.progress);
            around::retain(self.versions, &manifest);
        }
        end
    }

    fn step(&self, step: Step) -> Result<(), Failure> {
        self.progress.step(step.name());
        self.journal.step(step).map_err(|error| refused(step, &error, Some(error.hint())))
    }

    /// Plans it, and takes the steps that are planned. To plan is a part of the first one.
    fn go(&self, request: &Request) -> Result<Upgraded, Failure> {
        self.step(Step::Check)?;
        let (planned, candidate) = self.versions.planned(self.before, request, &self.versions.store, None)?;
        planned.allow()?;
        for message in planned.warnings() {
            self.progress.push(Event::Warning { message: message.to_owned() });
        }
        self.moves.set(planned.plan.moves);
        let mut taken = Taken::default();
        let took = contained(self.progress, || self.take_all(&planned, request, &candidate, &mut taken));
        if let Err(failure) = took {
            *self.versions.probation.lock() = None;
            return Err(match &taken.switched {
                // What boots next is the version before.
                Some(_) if taken.is_stopping => failure,
                Some(switched) => self.rolled_back(switched, taken.in_effect, failure),
                None => {
                    self.keep_current();
                    failure
                }
            });
        }
        let Some(done) = taken.done.take() else { return Ok(self.nothing_to_do()) };
        self.take_effect(&mut taken);
        if let Some(switched) = &taken.switched {
            self.versions.listeners.lock().keep_only(switched.running);
            switched.replaced().for_each(|image| drain::begin(image, &candidate.manifest.settings));
        }
        Ok(Upgraded { draining: draining(), ..done })
    }

    fn take_all(
        &self,
        planned: &Planned,
        request: &Request,
        candidate: &CandidateFacts,
        taken: &mut Taken,
    ) -> Result<(), Failure> {
        let mut steps = planned.steps.iter().filter(|step| **step != Step::Check);
        steps.try_for_each(|step| match (*step, planned.probation) {
            (step, _) if self.versions.is_stopping.load(Ordering::SeqCst) => {
                taken.is_stopping = true;
                Err(refused(step, "the node was stopped before it was done", Some(STOPPED_HINT)))
            }
            (Step::Probation, Some((time, unconfirmed))) => self.probation(time, unconfirmed, taken),
            (step, _) => self.take(step, request, candidate, taken),
        })
    }

    fn take(
        &self,
        step: Step,
        request: &Request,
        candidate: &CandidateFacts,
        taken: &mut Taken,
    ) -> Result<(), Failure> {
        let CandidateFacts { manifest, plugins, .. } = candidate;
        self.step(step)?;
        match (step, taken.candidate.take(), &mut taken.switched) {
            (Step::Before, ..) => around::before(self.versions.store.layout(), manifest, &self.before.version)
                .map_err(|error| refused(step, error, Some(HOOK_HINT))),
            (Step::Prepare, ..) => {
                taken.candidate = Some(self.versions.prepare(manifest, plugins, Some(self.before))?);
                Ok(())
            }
            (Step::Rehearse, Some(candidate), _) => {
                self.rehearse(&candidate)?;
                taken.candidate = Some(candidate);
                Ok(())
            }
            (Step::Switch, Some(candidate), _) => {
                let (switched, report) = self.switch(candidate)?;
                (taken.switched, taken.report) = (Some(switched), report);
                Ok(())
            }
            (Step::Move, _, Some(switched)) => {
                let moved = self.move_all(switched)?;
                taken.report = Some(match taken.report.take() {
                    Some(crossed) => crossed.join(moved),
                    None => moved,
                });
                Ok(())
            }
            (Step::Health, _, Some(switched)) => health::check(&switched.running.images, || false)
                .map_err(|error| self.found_bad(step, error, HEALTH_HINT)),
            (Step::Commit, _, Some(switched)) => {
                let report = taken.report.take().ok_or_else(|| out_of_order(step))?;
                taken.done = Some(self.commit(request, switched, &report)?);
                Ok(())
            }
            _ => Err(out_of_order(step)),
        }
    }

    fn rehearse(&self, candidate: &Candidate) -> Result<(), Failure> {
        let until = moves::until();
        let mut faults = candidate.fresh.iter().filter_map(|fresh| moves::rehearse(fresh.image, until).fault);
        faults.next().map_or(Ok(()), |fault| Err(refused(Step::Rehearse, fault, Some(MOVE_HINT))))
    }

    /// At a barrier, those that can move do with it.
    fn switch(&self, candidate: Candidate) -> Result<(Switched, Option<Report>), Failure> {
        if self.moves.get() == MovePolicy::Each {
            return Ok((self.make_current(candidate), None));
        }
        let images: Vec<_> = candidate.fresh.iter().map(|fresh| fresh.image).collect();
        let mut switched = None;
        let report = moves::cross(&images, || switched = Some(self.make_current(candidate)));
        match (switched, &report.fault) {
            (Some(switched), None) => Ok((switched, Some(report))),
            (_, Some(fault)) => Err(refused(Step::Switch, fault, Some(BARRIER_HINT))),
            (None, None) => Err(out_of_order(Step::Switch)),
        }
    }

    fn make_current(&self, candidate: Candidate) -> Switched {
        let (running, roots) = self.versions.switch(candidate);
        let after_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let (from, to) = (self.before.version.clone(), running.version.clone());
        self.progress.push(Event::Switched { from, to });
        Switched { running, swaps: swaps(self.before, running), roots, after_us }
    }

    fn nothing_to_do(&self) -> Upgraded {
        let serving = self.before.version.clone();
        let pauses = Pauses::default();
        Upgraded {
            from: serving.clone(),
            to: serving,
            changed: false,
            switched_after_us: 0,
            draining: draining(),
            pauses,
            probation: None,
        }
    }

    /// Plugin by plugin: who needs another one moves, or starts, behind it.
    fn move_all(&self, switched: &mut Switched) -> Result<Report, Failure> {
        let (mut all, until) = (Report::default(), moves::until());
        for swap in switched.swaps.clone() {
            let Some(image) = swap.then else { continue };
            let report = moves::move_all(image, until);
            if let Some(fault) = &report.fault {
                return Err(refused(Step::Move, fault, Some(MOVE_HINT)));
            }
            all = all.join(report);
            let root = if swap.before.is_none() { switched.take_root(image) } else { None };
            let started = self.versions.start_tree(swap, image, root);
            started.map_err(|reason| refused(Step::Move, reason, Some(START_HINT)))?;
        }
        Ok(all)
    }

    fn commit(&self, request: &Request, switched: &Switched, report: &Report) -> Result<Upgraded, Failure> {
        let done = self.done(switched, report);
        self.journal.commit(&done, request).map_err(|error| refused(Step::Commit, &error, Some(error.hint())))?;
        Ok(done)
    }

    /// What could not move gives way to the new version: its root starts, and the processes of the version before hear that they drain. Once.
    fn take_effect(&self, taken: &mut Taken) {
        let Some(switched) = taken.switched.as_mut().filter(|_| !taken.in_effect) else { return };
        taken.in_effect = true;
        for Swap { before, then } in switched.swaps.clone() {
            if let Some((before, then)) = before.zip(then) {
                let root = switched.take_root(then);
                self.versions.settle_root(self.versions.root(before), then, root);
                tell_change(then, &self.versions.config_change(before, then));
            }
            before.into_iter().for_each(give_way);
        }
    }

    /// In effect, and not permanent yet.
    fn probation(&self, time: Duration, unconfirmed: Unconfirmed, taken: &mut Taken) -> Result<(), Failure> {
        self.step(Step::Probation)?;
        let to = taken.switched.as_ref().map_or("", |switched| &switched.running.version);
        let probation = Arc::new(Probation::new(&self.before.version, to, time, unconfirmed));
        self.take_effect(taken);
        let (Some(switched), Some(report)) = (&taken.switched, &taken.report) else {
            return Err(out_of_order(Step::Probation));
        };
        let running = switched.running;
        *self.versions.probation.lock() = Some(Arc::clone(&probation));
        // Who stops looks for a probation behind saying so: one of both sees the other.
        if self.versions.is_stopping.load(Ordering::SeqCst) {
            probation.decide(Decision::Stop);
        }
        let status = probation.status();
        self.progress.push(Event::Probation(status.clone()));
        change::tell(Change::Ends);
        self.progress.stand(Upgraded { probation: Some(status), draining: draining(), ..self.done(switched, report) });
        // As it was when it was left: what is left of it now crashes for other reasons.
        let before = self.crashes_before;
        let end = probation.watch(&running.images, || (self.versions.crashes(running), before));
        *self.versions.probation.lock() = None;
        end.map_err(|end| match end {
            NotKept::Bad(reason) => self.found_bad(Step::Probation, reason, PROBATION_HINT),
            NotKept::Stopped => {
                taken.is_stopping = true;
                refused(Step::Probation, "the node was stopped while it was on probation", Some(STOPPED_HINT))
            }
        })
    }

    fn found_bad(&self, step: Step, reason: String, hint: &str) -> Failure {
        self.journal.found_bad();
        refused(step, reason, Some(hint))
    }

    fn done(&self, switched: &Switched, report: &Report) -> Upgraded {
        Upgraded {
            from: self.before.version.clone(),
            to: switched.running.version.clone(),
            changed: true,
            switched_after_us: switched.after_us,
            draining: switched.replaced().map(|image| image.processes.get()).sum(),
            pauses: report.pauses(),
            probation: None,
        }
    }
}

/// No plan has such steps.
fn out_of_order(step: Step) -> Failure {
    refused(step, format!("the step {} comes before what it needs", step.name()), None)
}

/// An image is not current any more: its processes hear it, and finish on their own.
pub(super) fn give_way(image: &'static Image) {
    image.set_state(IMAGE_DRAINING);
    table::of_image(image).for_each(|process| scheduler::wake(process.process()));
}

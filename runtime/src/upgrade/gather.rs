//! Gathers what a plan is made of: reads the node and the candidate's files, and changes neither.

use super::plan::{Alike, CandidateFacts, NodeFacts, Planned, Serving, plan};
use super::step::Step;
use super::transaction::{Request, Wish, nothing_serves, refused, unread};
use super::versions::Versions;
use crate::image::Image;
use crate::listen::{self, Running};
use crate::moving::Limits;
use crate::process::{Pid, table};
use crate::protocol::{DeclaredListener, Failure, MovePolicy, Plan};
use crate::release::history::{By, Kind};
use crate::release::hooks::Hook;
use crate::release::layout::Layout;
use crate::release::store::Store;
use plugin_abi::abi::SUPERVISOR_STATE;
use std::collections::{BTreeMap, BTreeSet};

/// No tree is deeper.
const DEPTH_MAX: usize = 64;

impl Versions {
    /// What an upgrade would do, of a release in `root`, or in the node's own folder.
    ///
    /// # Errors
    /// It cannot be planned: the release cannot be read, or another upgrade is in progress.
    pub(crate) fn plan(
        &self,
        release: &str,
        root: Option<&str>,
        wish: Wish,
        listeners: Option<Vec<DeclaredListener>>,
    ) -> Result<Plan, Failure> {
        self.refuse_in_progress()?;
        let release = super::transaction::version(release)?;
        let request = Request { release, kind: Kind::Upgrade, by: By::default(), wish };
        let store = root.map_or_else(|| self.store.clone(), |root| Store::new(Layout::new(root)));
        self.plan_of(&request, &store, listeners)
    }

    /// What a roll-back would do, to that release, or to the one before.
    ///
    /// # Errors
    /// As `plan`, but on probation; or there is nothing to go back to.
    pub(crate) fn plan_back(&self, release: Option<&str>, is_forced: bool) -> Result<Plan, Failure> {
        let on_probation = self.turns_back(release);
        if on_probation.is_none() {
            self.refuse_in_progress()?;
        }
        let release = on_probation.as_ref().map_or(release, |probation| Some(&probation.from));
        self.plan_of(&self.back_to(release, is_forced, By::default())?, &self.store, None)
    }

    fn refuse_in_progress(&self) -> Result<(), Failure> {
        let in_progress = self.in_progress.lock().clone();
        in_progress.map_or(Ok(()), |progress| Err(self.locked(&progress)))
    }

    fn plan_of(
        &self,
        request: &Request,
        from: &Store,
        listeners: Option<Vec<DeclaredListener>>,
    ) -> Result<Plan, Failure> {
        let before = listen::current().ok_or_else(nothing_serves)?;
        Ok(self.planned(before, request, from, listeners)?.0.plan)
    }

    /// The plan of an upgrade to a release of `from`, and what it was made of.
    pub(super) fn planned(
        &self,
        before: &'static Running,
        request: &Request,
        from: &Store,
        listeners: Option<Vec<DeclaredListener>>,
    ) -> Result<(Planned, CandidateFacts), Failure> {
        let candidate = self.candidate_facts(request, from, listeners)?;
        Ok((plan(&self.node_facts(before)?, &candidate), candidate))
    }

    fn candidate_facts(
        &self,
        request: &Request,
        from: &Store,
        listeners: Option<Vec<DeclaredListener>>,
    ) -> Result<CandidateFacts, Failure> {
        let may_be_older = request.kind == Kind::Rollback;
        let trust = self.store.check_trust_of(from, &request.release, may_be_older);
        let signed = trust.map_err(|error| refused(Step::Check, &error, Some(error.hint())))?;
        let signed_with = signed.map(|signed| signed.key.to_string());
        let (manifest, plugins) = Self::read(from, &request.release)?;
        // As the owner of this node wishes, wherever the release stands.
        let config = plugins.iter().try_for_each(|plugin| self.store.config(&manifest, plugin).map(drop));
        let record = self.store.record().map_err(|error| unread(&error))?;
        let has_served = record.has_served(&request.release);
        let Request { kind, wish: Wish { is_forced, confirm_within, from }, .. } = request.clone();
        Ok(CandidateFacts {
            manifest,
            plugins,
            signed_with,
            config,
            listeners,
            kind,
            has_served,
            confirm_within,
            is_forced,
            from,
        })
    }

    fn node_facts(&self, current: &'static Running) -> Result<NodeFacts, Failure> {
        let record = self.store.record().map_err(|error| unread(&error))?;
        let layout = self.store.layout();
        Ok(NodeFacts {
            name: self.store.permanent_manifest().ok().flatten().map(|manifest| manifest.name),
            version: current.version.clone(),
            plugins: current.images.iter().map(|image| serving(image)).collect(),
            moves: moves_of(&self.store, current),
            quarantined: record.quarantined,
            processes: self.groups().into_iter().collect(),
            live_versions: live_versions(current),
            places: self.listeners.lock().places(),
            hooks: (Hook::Before.is_there(layout), Hook::After.is_there(layout)),
            limits: Limits::default(),
        })
    }

    /// The plugins' processes, by what they have in common.
    fn groups(&self) -> BTreeMap<Alike, u64> {
        let roots: BTreeSet<Pid> = crate::image::all().into_iter().filter_map(|image| self.root(image)).collect();
        let mut groups = BTreeMap::new();
        for process in table::all().filter(|process| process.image().context.id != 0) {
            let alike = Alike {
                name: process.type_name(),
                plugin: process.image().plugin,
                version: process.image().version,
                state: process.state_type().map(|(name, _)| name),
                is_in_tree: is_in_tree(&roots, process.pid()),
            };
            *groups.entry(alike).or_default() += 1;
        }
        groups
    }
}

/// How processes move to and from a version, by its own wish. One whose release has gone has none.
fn moves_of(store: &Store, running: &Running) -> MovePolicy {
    let manifest = running.version.parse().ok().and_then(|version| store.manifest(&version).ok());
    manifest.map(|manifest| manifest.settings.moves).unwrap_or_default()
}

fn serving(image: &Image) -> Serving {
    Serving {
        name: image.plugin.to_owned(),
        version: image.version.to_owned(),
        hash: image.hash.clone(),
        states: image.states.clone(),
        messages: image.messages.clone(),
    }
}

/// Of the images that have processes, and those that serve: of the plugin that has most.
fn live_versions(current: &Running) -> u64 {
    let mut plugins: BTreeMap<&str, u64> = BTreeMap::new();
    for image in crate::image::all() {
        if current.has(image) || image.processes.get() > 0 {
            *plugins.entry(image.plugin).or_default() += 1;
        }
    }
    plugins.into_values().max().unwrap_or_default()
}

/// The application's root supervisor, or a process that supervisors under it have started.
fn is_in_tree(roots: &BTreeSet<Pid>, pid: Pid) -> bool {
    let mut next = Some(pid);
    for depth in 0..DEPTH_MAX {
        let Some(process) = next.and_then(table::find) else { return false };
        let is_supervisor = process.state_type().is_some_and(|(name, _)| name == SUPERVISOR_STATE);
        if depth > 0 && !is_supervisor {
            return false;
        }
        if roots.contains(&process.pid()) {
            return is_supervisor;
        }
        next = process.parent();
    }
    false
}

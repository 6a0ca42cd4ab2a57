//! What an upgrade is going to do: a pure function of what the node is and what the candidate says of itself.
//!
//! ```text
//! node's facts ──┐
//! candidate's ───┴─► checks ─► steps ─► [`Attempt`](super::attempt) takes them       `upgrade --dry-run` prints all of it, and takes none
//! ```
//!
//! No clock, no file, no table of processes: who plans twice from the same facts has the same plan. So what a dry run says is what an upgrade
//! does, as long as the facts are the same; a plan with a check that refuses has no step behind the checks.

mod checks;
mod facts;

pub(crate) use facts::{Alike, CandidateFacts, NodeFacts, Serving};

use super::health::HEALTH_MAX;
use super::step::Step;
use super::tree::{SETTLE_TIME, START_TIME};
use crate::image::PluginFacts;
use crate::listen::{Change, changes};
use crate::moving::Limits;
use crate::protocol::{
    CheckOutcome, Failure, Fate, ListenerChange, MovePolicy, Plan, PlannedCheck, PlannedHook, PlannedListener,
    PlannedPlugin, PlannedProcesses, PlannedStep, Unconfirmed,
};
use crate::release::history::Kind;
use crate::release::manifest::release_version;
use crate::release::settings::Settings;
use crate::release::store::RECORD_PATIENCE;
use std::time::Duration;

/// How long a plugin of the candidate may take to be loaded and initialised.
pub(super) const PREPARE_MAX: Duration = Duration::from_secs(30);

/// A plan, and its steps as the evaluator takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) steps: Vec<Step>,
    /// If there is one: how long, and what then.
    pub(super) probation: Option<(Duration, Unconfirmed)>,
}

/// Plans an upgrade, or a roll-back.
pub(super) fn plan(node: &NodeFacts, candidate: &CandidateFacts) -> Planned {
    let manifest = &candidate.manifest;
    let changes = candidate.changes(node);
    let checks = checks::checks(node, candidate);
    let is_refused = checks.iter().any(|check| check.outcome == CheckOutcome::Refused);
    let is_unproven = candidate.is_unproven(node);
    let probation = probation(candidate).filter(|_| is_unproven);
    let steps = steps(node, is_unproven, probation.is_some(), changes && !is_refused);
    let moves = moves(node, candidate);
    let fresh = u32::try_from(candidate.fresh(node).count()).unwrap_or(u32::MAX);
    let times = Times { limits: node.limits, moves, fresh, settings: &manifest.settings, probation };
    let planned_step = |step: &Step| PlannedStep {
        step: step.name().to_owned(),
        at_most_ms: milliseconds(times.of(*step)),
        each_at_most_ms: times.of_each(*step).map(milliseconds),
    };
    let plan = Plan {
        name: manifest.name.clone(),
        from: node.version.clone(),
        to: manifest.version.to_string(),
        changes,
        checks,
        unconfirmed: probation.filter(|_| changes && !is_refused).map(|(_, unconfirmed)| unconfirmed),
        moves,
        steps: steps.iter().map(planned_step).collect(),
        plugins: plugins(node, candidate),
        processes: if changes { processes(node, candidate) } else { Vec::new() },
        drain_deadline_ms: milliseconds(manifest.settings.drain_deadline()),
        listeners: listeners(node, candidate),
        hooks: hooks(node, changes && !is_refused, &manifest.settings),
    };
    Planned { plan, steps, probation }
}

fn steps(node: &NodeFacts, is_unproven: bool, has_probation: bool, goes_on: bool) -> Vec<Step> {
    let mut steps = vec![Step::Check];
    if !goes_on {
        return steps;
    }
    if node.hooks.0 {
        steps.push(Step::Before);
    }
    steps.extend([Step::Prepare, Step::Rehearse, Step::Switch, Step::Move]);
    // Who goes back by hand is not kept from it by the check of a version that has served.
    if is_unproven {
        steps.push(Step::Health);
    }
    if has_probation {
        steps.push(Step::Probation);
    }
    steps.push(Step::Commit);
    steps
}

/// Nobody has to confirm a roll-back to what has served well.
fn probation(candidate: &CandidateFacts) -> Option<(Duration, Unconfirmed)> {
    let confirmed = candidate.confirm_within.map(|time| (time, Unconfirmed::RolledBack));
    let watched = candidate.manifest.settings.probation().map(|time| (time, Unconfirmed::Permanent));
    confirmed.or(watched)
}

/// Versions that must not meet must not on the way back, either.
fn moves(node: &NodeFacts, candidate: &CandidateFacts) -> MovePolicy {
    match candidate.kind {
        Kind::Upgrade => candidate.manifest.settings.moves,
        Kind::Rollback => candidate.manifest.settings.moves.max(node.moves),
    }
}

/// How long steps may take: what the code that takes them holds itself to.
struct Times<'a> {
    limits: Limits,
    moves: MovePolicy,
    /// So many plugins are loaded, and have a tree.
    fresh: u32,
    settings: &'a Settings,
    probation: Option<(Duration, Unconfirmed)>,
}

impl Times<'_> {
    /// All of it; that it is written down before is a part of it.
    fn of(&self, step: Step) -> Duration {
        let Self { limits, fresh, .. } = self;
        let settles = (START_TIME + SETTLE_TIME) * *fresh;
        RECORD_PATIENCE
            + match step {
                Step::Check => Duration::ZERO,
                Step::Before => self.settings.hook_timeout(),
                Step::Prepare => PREPARE_MAX * *fresh,
                Step::Rehearse => limits.total,
                Step::Switch if self.moves == MovePolicy::Barrier => limits.barrier,
                Step::Switch => Duration::ZERO,
                // What a tree adds starts in it.
                Step::Move => limits.total + START_TIME * *fresh,
                Step::Health => HEALTH_MAX,
                // What was asked for, and no more: what takes longer, a tree that settles and the last health check, is the commit's time.
                Step::Probation => return self.probation.map_or(Duration::ZERO, |(time, _)| time),
                Step::Commit if self.probation.is_some() => settles + HEALTH_MAX,
                Step::Commit => settles,
                Step::RollBack => limits.barrier + limits.total + settles,
            }
    }

    /// Of this, for each process that it is about.
    fn of_each(&self, step: Step) -> Option<Duration> {
        matches!(step, Step::Rehearse | Step::Move | Step::RollBack).then(|| self.limits.each())
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn hooks(node: &NodeFacts, goes_on: bool, settings: &Settings) -> Vec<PlannedHook> {
    let there = [("before", node.hooks.0), ("after", node.hooks.1)];
    let run = there.into_iter().filter(|(_, is_there)| goes_on && *is_there);
    let at_most_ms = milliseconds(settings.hook_timeout());
    run.map(|(hook, _)| PlannedHook { hook: hook.to_owned(), at_most_ms }).collect()
}

/// What becomes of each, where there are several.
fn plugins(node: &NodeFacts, candidate: &CandidateFacts) -> Vec<PlannedPlugin> {
    if candidate.plugins.len() < 2 && node.plugins.len() < 2 {
        return Vec::new();
    }
    let there = candidate.plugins.iter().map(|plugin| PlannedPlugin {
        name: plugin.name.clone(),
        from: node.plugin(&plugin.name).map(|serving| serving.version.clone()),
        to: Some(release_version(&plugin.version, &plugin.hash).to_string()),
    });
    let dropped = candidate.dropped(node).map(|serving| PlannedPlugin {
        name: serving.name.clone(),
        from: Some(serving.version.clone()),
        to: None,
    });
    there.chain(dropped).collect()
}

fn processes(node: &NodeFacts, candidate: &CandidateFacts) -> Vec<PlannedProcesses> {
    let settings = &candidate.manifest.settings;
    let planned = node.processes.iter().map(|(alike, count)| PlannedProcesses {
        name: alike.name.to_owned(),
        version: alike.version.to_owned(),
        processes: *count,
        state: alike.state.map(str::to_owned),
        fate: fate(alike, candidate.plugin(alike.plugin)),
        then: settings.drain_types.get(alike.name).copied().unwrap_or(settings.drain),
    });
    let mut planned: Vec<_> = planned.collect();
    planned.sort_by(|a, b| b.processes.cmp(&a.processes).then_with(|| a.cmp(b)));
    planned
}

fn fate(alike: &Alike, plugin: Option<&PluginFacts>) -> Fate {
    // Nobody starts anew what is dropped.
    let Some(plugin) = plugin else { return Fate::Finishes };
    let is_declared = |name: &str| plugin.states.iter().any(|state| state.name == name);
    if alike.version == release_version(&plugin.version, &plugin.hash).to_string() {
        Fate::Arrived
    } else if alike.state.is_some_and(is_declared) {
        Fate::Moves
    } else if alike.is_in_tree {
        Fate::Renewed
    } else {
        Fate::Finishes
    }
}

fn listeners(node: &NodeFacts, candidate: &CandidateFacts) -> Option<Vec<PlannedListener>> {
    let declared = candidate.listeners.as_ref()?;
    let declared = declared.iter().map(|listener| (listener.name.as_str(), listener.address.as_str()));
    // What is wrong with them is a check's to say.
    let changes = changes(&node.places, declared).ok()?;
    let planned = changes.into_iter().map(|(name, address, change)| PlannedListener {
        name,
        address: address.to_string(),
        change: match change {
            Change::Kept => ListenerChange::Kept,
            Change::Added => ListenerChange::Added,
            Change::Dropped => ListenerChange::Dropped,
        },
    });
    Some(planned.collect())
}

impl Planned {
    /// What one should know of the upgrade.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        let warnings = self.plan.checks.iter().filter(|check| check.outcome == CheckOutcome::Warning);
        warnings.map(|check| check.message.as_str())
    }

    /// Why it is refused: the first reason, with all that is known of the others.
    ///
    /// # Errors
    /// That.
    pub(super) fn allow(&self) -> Result<(), Failure> {
        let mut refusals = self.plan.checks.iter().filter(|check| check.outcome == CheckOutcome::Refused);
        let Some(first) = refusals.next() else { return Ok(()) };
        let mut details = first.details.clone().unwrap_or_default();
        for PlannedCheck { message, details: more, .. } in refusals {
            details.push_str(&format!("\nand {message}\n{}", more.as_deref().unwrap_or_default()));
        }
        let details = Some(details.into_boxed_str()).filter(|details| !details.is_empty());
        let failure = super::transaction::refused(Step::Check, &first.message, first.hint.as_deref());
        Err(Failure { details, ..failure })
    }
}

#[cfg(test)]
mod tests;

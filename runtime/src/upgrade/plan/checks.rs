//! What could refuse an upgrade, as far as it can be told without running any of the candidate's code. Pure.
//!
//! One that was planned for another release than the one that serves is not looked at: only then is there a check of the plan. A candidate that is in quarantine, or of another application, is looked at no further. The same build again is looked at no further either: there is nothing to do.

use super::facts::{CandidateFacts, NodeFacts, Serving};
use crate::image::PluginFacts;
use crate::listen::changes;
use crate::protocol::{CheckOutcome, PlannedCheck};
use crate::release::check::{Declared, Finding, Speaker, Subject, check as between, messages, states};
use crate::release::history::Kind;
use std::collections::BTreeSet;

pub(super) fn checks(node: &NodeFacts, candidate: &CandidateFacts) -> Vec<PlannedCheck> {
    let mut checks = Vec::new();
    if let Some(check) = planned_from(node, candidate) {
        return vec![check];
    }
    for check in [signature, quarantine, application] {
        let check = check(node, candidate);
        let is_last = check.outcome == CheckOutcome::Refused;
        checks.push(check);
        if is_last {
            return checks;
        }
    }
    if candidate.changes(node) {
        checks.extend(declarations(node, candidate));
        checks.extend(dropped(node, candidate));
        checks.push(versions(node, candidate));
        checks.push(config(candidate));
        checks.extend(listeners(node, candidate));
    }
    checks
}

fn passed(check: &str, message: impl Into<String>) -> PlannedCheck {
    let (check, message) = (check.to_owned(), message.into());
    PlannedCheck { check, outcome: CheckOutcome::Passed, message, details: None, hint: None }
}

fn refused(check: &str, message: String, hint: Option<String>) -> PlannedCheck {
    PlannedCheck { outcome: CheckOutcome::Refused, hint, ..passed(check, message) }
}

/// Somebody has planned this from another release than the one that serves.
fn planned_from(node: &NodeFacts, candidate: &CandidateFacts) -> Option<PlannedCheck> {
    let planned = candidate.from.as_ref().filter(|from| **from != node.version && candidate.changes(node))?;
    let message = format!("the plan goes from {planned}, and {} serves: the node has moved on", node.version);
    Some(refused("plan", message, Some("plan anew: cargo system upgrade --dry-run --out FILE".to_owned())))
}

fn signature(_: &NodeFacts, candidate: &CandidateFacts) -> PlannedCheck {
    match &candidate.signed_with {
        None => passed("signature", "this node takes unsigned releases"),
        Some(key) => passed("signature", format!("signed with {key}")),
    }
}

fn quarantine(node: &NodeFacts, candidate: &CandidateFacts) -> PlannedCheck {
    let version = &candidate.manifest.version;
    if !node.quarantined.contains(version) {
        return passed("quarantine", "");
    }
    if candidate.is_forced {
        return passed("quarantine", "it was rolled back, and is forced");
    }
    let hint = "mend it and upgrade to that; or insist with --force".to_owned();
    refused("quarantine", format!("{version} is in quarantine: it was rolled back"), Some(hint))
}

fn application(node: &NodeFacts, candidate: &CandidateFacts) -> PlannedCheck {
    let name = &candidate.manifest.name;
    match &node.name {
        Some(serving) if serving != name => {
            let message = format!("this node runs {serving}, and the release is of {name}");
            refused("application", message, Some("give the node of that application with --node".to_owned()))
        }
        _ => passed("application", name),
    }
}

/// Of the ABI, the target, the version and the states, what both declare.
fn declarations(node: &NodeFacts, candidate: &CandidateFacts) -> Vec<PlannedCheck> {
    let found: Vec<_> = candidate.fresh(node).flat_map(|plugin| findings(node, candidate, plugin)).collect();
    let found: Vec<_> = found.into_iter().chain(spoken(node, candidate)).collect();
    let all = |of: fn(&PluginFacts) -> String| candidate.plugins.iter().map(of).collect::<BTreeSet<_>>();
    let all = |of| all(of).into_iter().collect::<Vec<_>>().join(", ");
    let subjects = [
        (Subject::Abi, "abi", all(|plugin| Declared::from(plugin).abi)),
        (Subject::Target, "target", all(|plugin| plugin.target.clone())),
        (Subject::Version, "version", String::new()),
        (Subject::State, "states", declared_states(candidate)),
        (Subject::Message, "messages", String::new()),
    ];
    let mut checks = Vec::new();
    for (subject, name, message) in subjects {
        let before = checks.len();
        checks.extend(found.iter().filter(|finding| finding.subject == subject).map(|finding| check_of(name, finding)));
        if checks.len() == before {
            checks.push(passed(name, message));
        }
    }
    checks
}

/// What stands between what serves of a plugin, if anything does, and what is next.
fn findings(node: &NodeFacts, candidate: &CandidateFacts, plugin: &PluginFacts) -> Vec<Finding> {
    let next = Declared::from(plugin);
    let Some(serving) = node.plugin(&plugin.name) else { return Vec::new() };
    let Ok(version) = serving.version.parse() else { return Vec::new() };
    // Of this ABI and target it is, since it runs.
    let current = Declared { version, states: &serving.states, ..next.clone() };
    let mut found = match candidate.kind {
        Kind::Upgrade => between(&current, &next),
        Kind::Rollback => states(&current, &next),
    };
    if candidate.plugins.len() > 1 {
        found.iter_mut().for_each(|finding| finding.message.insert_str(0, &format!("{}: ", plugin.name)));
    }
    found
}

/// Who goes back by hand is only told what will not be understood.
fn spoken<'a>(node: &'a NodeFacts, candidate: &'a CandidateFacts) -> Vec<Finding> {
    let speaker = |serving: &'a Serving| {
        let version = serving.version.parse().ok()?;
        Some(Speaker { name: &serving.name, version, messages: &serving.messages })
    };
    let from: Vec<_> = node.plugins.iter().filter_map(speaker).collect();
    let to: Vec<_> = candidate.plugins.iter().map(Speaker::from).collect();
    let mut found = messages(&from, &to);
    if candidate.kind == Kind::Rollback {
        found.iter_mut().for_each(|finding| finding.refuses = false);
    }
    found
}

fn declared_states(candidate: &CandidateFacts) -> String {
    match candidate.plugins.iter().map(|plugin| plugin.states.len()).sum::<usize>() {
        0 => "none is declared".to_owned(),
        1 => "1 is declared".to_owned(),
        count => format!("{count} are declared"),
    }
}

fn check_of(name: &str, finding: &Finding) -> PlannedCheck {
    let details = Some(finding.details()).filter(|details| !details.is_empty());
    let outcome = if finding.refuses { CheckOutcome::Refused } else { CheckOutcome::Warning };
    PlannedCheck { outcome, details, hint: Some(finding.hint.clone()), ..passed(name, &finding.message) }
}

/// Plugins that serve and are not in the candidate.
fn dropped(node: &NodeFacts, candidate: &CandidateFacts) -> Option<PlannedCheck> {
    let names: Vec<_> = candidate.dropped(node).map(|plugin| plugin.name.as_str()).collect();
    let message = format!("not in it any more, and finish where they are: {}", names.join(", "));
    (!names.is_empty()).then(|| PlannedCheck { outcome: CheckOutcome::Warning, ..passed("plugins", message) })
}

/// Versions that have processes. Who goes back is not kept from it.
fn versions(node: &NodeFacts, candidate: &CandidateFacts) -> PlannedCheck {
    let (live, most) = (node.live_versions, u64::from(candidate.manifest.settings.live_versions));
    if live < most || candidate.kind == Kind::Rollback {
        return passed("versions", format!("{live} of {most} have processes"));
    }
    let message = format!("{live} versions have processes, and this release allows {most} with it");
    let hint = "cargo system status shows who holds the older ones; drain and live-versions in [package.metadata.system] decide";
    refused("versions", message, Some(hint.to_owned()))
}

fn config(candidate: &CandidateFacts) -> PlannedCheck {
    let hint = "mend config.toml in the package, or the one in the node's folder".to_owned();
    match &candidate.config {
        Ok(()) => passed("config", ""),
        Err(reason) => refused("config", reason.clone(), Some(hint)),
    }
}

/// When it is known what it listens on.
fn listeners(node: &NodeFacts, candidate: &CandidateFacts) -> Option<PlannedCheck> {
    let declared = candidate.listeners.as_ref()?;
    let declared = declared.iter().map(|listener| (listener.name.as_str(), listener.address.as_str()));
    let hint = "mend what the application declares with Application::listen".to_owned();
    changes(&node.places, declared).err().map(|error| refused("listeners", error.to_string(), Some(hint)))
}

//! `check`: what would refuse the next upgrade, before anybody asks for it.
//!
//! ```text
//! build ─► declaration of the new build ──┐
//! the release that runs, or would boot ───┴─► findings ─► 0, or 14 when one of them refuses
//! ```
//!
//! What the new build is compared with is the manifest that was shipped, never another build. Nothing is changed, and no node is needed.

use super::version::{ask_status, current};
use crate::builder::{self, Purpose};
use crate::client;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::node_path::NodePath;
use crate::{output, stage};
use runtime::image::PluginFacts;
use runtime::release::check::{Declared, Finding, check as findings};
use runtime::release::manifest::{Manifest, PluginEntry, release_version};
use runtime::release::store::Store;
use semver::Version;
use serde_json::{Value, json};

/// What no finding can tell.
const NOT_COMPARED: &str = "messages between versions are not declared, so they are not compared: what a receiver does not understand comes back to its sender as an error";

pub(super) fn check(context: &Context) -> Result<(), Failure> {
    let plugin = context.plugin()?;
    let baseline = baseline(&context.node()?)?;
    if let Some(baseline) = baseline.as_ref().filter(|baseline| baseline.name != plugin.name) {
        let message = format!("the node runs {}, and not {}", baseline.name, plugin.name);
        return Err(Failure::new(ExitCode::Refused, message).hint("give the node of that application with --node"));
    }
    let object = builder::build(&plugin, Purpose::Upgrade).map_err(|failure| failure.step("build"))?;
    let facts = stage::facts(&object)?;
    let found = baseline.as_ref().map(|baseline| compare(baseline, &facts)).transpose()?.unwrap_or_default();
    report(context.json(), baseline.as_ref(), &facts, &found)
}

/// The release that runs; where none runs, the one that would boot; in a folder without releases, none.
fn baseline(node: &NodePath) -> Result<Option<Manifest>, Failure> {
    let store = Store::new(node.layout.clone());
    let unread = |error| Failure::error(error).hint("the next upgrade writes it anew");
    if !node.is_running()? {
        return store.permanent_manifest().map_err(unread);
    }
    let status = ask_status(&mut client::connect(node)?)?;
    let version: Version = current(&status)
        .parse()
        .map_err(|_| Failure::error("the node says a version that is none").hint("its runtime may be another one"))?;
    store.manifest(&version).map(Some).map_err(unread)
}

fn compare(baseline: &Manifest, facts: &PluginFacts) -> Result<Vec<Finding>, Failure> {
    let old = shipped(baseline)?;
    Ok(findings(&Declared::from(old), &Declared::from(facts)))
}

/// The baseline's plugin: of a manifest that somebody may have written by hand.
fn shipped(baseline: &Manifest) -> Result<&PluginEntry, Failure> {
    let [plugin] = baseline.plugins.as_slice() else {
        return Err(Failure::error(format!(
            "the release {} has {} plugins, and this tool takes one",
            baseline.version,
            baseline.plugins.len()
        )));
    };
    let damaged = plugin.states.iter().find_map(|state| state.validate().err());
    match damaged {
        None => Ok(plugin),
        Some(why) => Err(Failure::error(format!("the manifest of {} is damaged: {why}", baseline.version))
            .hint("make the release again: cargo system release, or cargo system upgrade")),
    }
}

fn report(as_json: bool, baseline: Option<&Manifest>, facts: &PluginFacts, found: &[Finding]) -> Result<(), Failure> {
    let to = release_version(&facts.version, &facts.hash);
    let from = baseline.map(|baseline| baseline.version.to_string());
    let refusals = found.iter().filter(|finding| finding.refuses).count();
    let result =
        json!({ "name": facts.name, "from": from, "to": to, "findings": found, "not_compared": [NOT_COMPARED] });
    if !as_json {
        found.iter().for_each(|finding| output::line(&render(finding)));
        if baseline.is_some() {
            output::note(&format!("note: {NOT_COMPARED}"));
        }
    }
    if refusals > 0 {
        let from = from.unwrap_or_default();
        let message = match refusals {
            1 => format!("the upgrade from {from} to {to} would be refused"),
            several => format!("the upgrade from {from} to {to} would be refused, for {several} reasons"),
        };
        let failure =
            Failure::new(ExitCode::Refused, message).hint("mend it and check again; nothing has been touched");
        return Err(Failure { more: Box::new(More { details: None, result: Some(result) }), ..failure });
    }
    conclude(as_json, result, from.as_deref(), &facts.name, &to);
    Ok(())
}

fn conclude(as_json: bool, mut result: Value, from: Option<&str>, name: &str, to: &Version) {
    if as_json {
        result["outcome"] = json!("checked");
        result["exit_code"] = json!(ExitCode::Done as u8);
        return output::json(&result);
    }
    output::line(&match from {
        Some(from) if from == to.to_string() => format!("{name} {to}: the same as runs"),
        Some(from) => format!("{name} {to}: nothing refuses the upgrade from {from}"),
        None => format!("{name} {to}: there is no release yet that it could be compared with"),
    });
}

/// A finding as people read it.
fn render(finding: &Finding) -> String {
    let kind = if finding.refuses { "refused" } else { "warning" };
    let details = finding.details();
    let gap = if details.is_empty() { "" } else { "\n" };
    format!("{kind}: {}\n{details}{gap}hint: {}\n", finding.message, finding.hint)
}

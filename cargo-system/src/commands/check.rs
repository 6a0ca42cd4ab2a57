//! `check`: what would refuse the next upgrade, before anybody asks for it.
//!
//! ```text
//! build ─► declaration of the new build ──┐
//! the release that runs, or would boot ───┴─► findings ─► 0, or 14 when one of them refuses
//! ```
//!
//! What the new build is compared with is the manifest that was shipped, never another build. Nothing is changed, and no node is needed.

use super::version::{ask_status, current};
use crate::answers::{Answer, Comparison, Done, Found};
use crate::builder::{self, Purpose};
use crate::client;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::node_path::NodePath;
use crate::{output, stage};
use runtime::image::PluginFacts;
use runtime::release::check::{Declared, Finding, Speaker, check as findings, messages};
use runtime::release::manifest::{Manifest, PluginEntry};
use runtime::release::store::Store;
use semver::Version;

/// What no finding can tell.
const NOT_COMPARED: &str = "messages that application! does not list are not compared: what a receiver does not understand comes back to its sender as an error";

pub(super) fn check(context: &Context) -> Result<(), Failure> {
    let application = context.application()?;
    let baseline = baseline(&context.node()?)?;
    if let Some(baseline) = baseline.as_ref().filter(|baseline| baseline.name != application.name) {
        let message = format!("the node runs {}, and not {}", baseline.name, application.name);
        return Err(Failure::new(ExitCode::Refused, message).hint("give the node of that application with --node"));
    }
    let objects = builder::build(&application, Purpose::Upgrade, None).map_err(|failure| failure.step("build"))?;
    let facts = objects.iter().map(|object| stage::facts(object)).collect::<Result<Vec<_>, _>>()?;
    let found = baseline.as_ref().map(|baseline| compare(baseline, &facts)).transpose()?.unwrap_or_default();
    report(context.json(), baseline.as_ref(), application.name, stage::version(&facts), found)
}

/// The release that runs; where none runs, the one that would boot; in a folder without releases, none.
fn baseline(node: &NodePath) -> Result<Option<Manifest>, Failure> {
    let store = Store::new(node.layout.clone());
    if !node.is_running()? {
        return Ok(store.permanent_manifest()?);
    }
    let status = ask_status(&mut client::connect(node)?)?;
    let version: Version = current(&status)
        .parse()
        .map_err(|_| Failure::error("the node says a version that is none").hint("its runtime may be another one"))?;
    Ok(Some(store.manifest(&version)?))
}

/// Plugin by plugin; one that is new has nothing to be compared with.
fn compare(baseline: &Manifest, plugins: &[PluginFacts]) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    for facts in plugins {
        let Some(old) = shipped(baseline, &facts.name)? else { continue };
        let mut of_it = findings(&Declared::from(old), &Declared::from(facts));
        if plugins.len() > 1 {
            of_it.iter_mut().for_each(|finding| finding.message.insert_str(0, &format!("{}: ", facts.name)));
        }
        found.extend(of_it);
    }
    let running: Vec<_> = baseline.plugins.iter().map(Speaker::from).collect();
    found.extend(messages(&running, &plugins.iter().map(Speaker::from).collect::<Vec<_>>()));
    found.sort_by_key(|finding| !finding.refuses);
    Ok(found)
}

/// The baseline's plugin of that name: of a manifest that somebody may have written by hand.
fn shipped<'a>(baseline: &'a Manifest, name: &str) -> Result<Option<&'a PluginEntry>, Failure> {
    let Some(plugin) = baseline.plugins.iter().find(|plugin| plugin.name == name) else { return Ok(None) };
    let damaged = plugin.states.iter().chain(&plugin.messages).find_map(|state| state.validate().err());
    match damaged {
        None => Ok(Some(plugin)),
        Some(why) => Err(Failure::error(format!("the manifest of {} is damaged: {why}", baseline.version))
            .hint("make the release again: cargo system release, or cargo system upgrade")),
    }
}

fn report(
    as_json: bool,
    baseline: Option<&Manifest>,
    name: String,
    to: Version,
    findings: Vec<Finding>,
) -> Result<(), Failure> {
    let from = baseline.map(|baseline| baseline.version.to_string());
    let refusals = findings.iter().filter(|finding| finding.refuses).count();
    if !as_json {
        findings.iter().for_each(|finding| output::line(&render(finding)));
        if baseline.is_some() {
            output::note(&format!("note: {NOT_COMPARED}"));
        }
    }
    let found = Comparison { name, from, to, findings, not_compared: vec![NOT_COMPARED] };
    if refusals > 0 {
        let (from, to) = (found.from.as_deref().unwrap_or_default(), &found.to);
        let message = match refusals {
            1 => format!("the upgrade from {from} to {to} would be refused"),
            several => format!("the upgrade from {from} to {to} would be refused, for {several} reasons"),
        };
        let failure =
            Failure::new(ExitCode::Refused, message).hint("mend it and check again; nothing has been touched");
        let found = Some(Found::Comparison(found));
        return Err(Failure { more: Box::new(More { found, ..More::default() }), ..failure });
    }
    conclude(as_json, found);
    Ok(())
}

fn conclude(as_json: bool, found: Comparison) {
    if as_json {
        return output::json(Answer::Checked(Done::new(found)));
    }
    let Comparison { name, from, to, .. } = found;
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

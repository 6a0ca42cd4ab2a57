//! `upgrade`: build the change, stage it, and have the node swap it in.

use crate::builder::{self, Purpose};
use crate::cli::{Global, Package};
use crate::client::{self, PATIENCE};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::node_path;
use crate::output;
use crate::progress::Progress;
use crate::stage;
use crate::workspace::Workspace;
use runtime::protocol::{Command, Event, Outcome, Upgraded};
use runtime::release::manifest::Manifest;
use runtime::release::store::Store;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) fn upgrade(
    global: &Global,
    package: &Package,
    release: Option<&Path>,
    drain_wait: u32,
    timeout: u32,
) -> Result<(), Failure> {
    let node = node_path::find(global, package)?;
    // Before anything is built: is there somebody to upgrade, and what serves?
    let serving = serving(&mut client::connect(&node)?)?;
    let store = Store::new(node.layout.clone());
    let manifest = unpacked(global, package, release, &store).map_err(|failure| Failure {
        serving: Some(serving.clone()),
        step: failure.step.or_else(|| Some(if release.is_some() { "unpack" } else { "build" }.to_owned())),
        ..failure
    })?;
    let begun = Instant::now();
    let drain_wait = Duration::from_secs(drain_wait.into());
    let command = Command::Upgrade {
        release: manifest.version.to_string(),
        follow_drain_ms: u64::try_from(drain_wait.as_millis()).unwrap_or(u64::MAX),
    };
    let mut progress = Progress::new(global.json);
    let patience = Duration::from_secs(timeout.into()) + drain_wait;
    let asked = client::connect(&node)?.ask_with(command, patience, |event| {
        report(global.json, &mut progress, &event);
        Ok(())
    });
    progress.finish();
    match asked? {
        Outcome::Upgraded(upgraded) => {
            conclude(global.json, &upgraded, begun.elapsed());
            Ok(())
        }
        _ => Err(Failure::error("the node answers something else than the upgrade's outcome")),
    }
}

fn serving(client: &mut client::Client) -> Result<String, Failure> {
    match client.ask(Command::Status, PATIENCE)? {
        Outcome::Status(status) => {
            let current = status.versions.into_iter().find(|version| version.state == "current");
            Ok(current.map(|version| version.version).unwrap_or_default())
        }
        _ => Err(Failure::error("the node answers something else than its status")),
    }
}

/// The release to install, unpacked in the node's folder.
fn unpacked(global: &Global, package: &Package, release: Option<&Path>, store: &Store) -> Result<Manifest, Failure> {
    if let Some(folder) = release {
        return stage::stage_release(store, folder);
    }
    if global.release_root.is_some() {
        return Err(Failure::new(ExitCode::Usage, "a release cannot build: name another release's folder")
            .hint("upgrade --release DIR"));
    }
    let plugin = Workspace::load(global.manifest_path.as_deref())?.plugin(package.package.as_deref())?;
    let object = builder::build(&plugin, Purpose::Upgrade)
        .map_err(|failure| failure.hint("mend it and try again: the node has not been touched"))?;
    stage::stage_build(store, &object, "")
}

fn report(as_json: bool, progress: &mut Progress, event: &Event) {
    if as_json {
        return output::json(event);
    }
    match event {
        Event::Attached { release } => progress.say(&format!("joining the upgrade to {release}")),
        Event::Step { step } => progress.say(step),
        Event::Switched { from, to } => progress.say(&format!("{from} → {to}: new processes start on the new version")),
        Event::Draining { processes: 0 } => progress.say("drained"),
        Event::Draining { processes } => progress.tick(&format!("draining: {processes} processes on older versions")),
    }
}

fn conclude(as_json: bool, upgraded: &Upgraded, elapsed: Duration) {
    if as_json {
        return output::json(&json!({
            "outcome": "upgraded",
            "exit_code": ExitCode::Done as u8,
            "changed": upgraded.changed,
            "from": upgraded.from,
            "to": upgraded.to,
            "switched_after_us": upgraded.switched_after_us,
            "draining": upgraded.draining,
        }));
    }
    output::line(&render(upgraded, elapsed));
}

fn render(upgraded: &Upgraded, elapsed: Duration) -> String {
    let Upgraded { from, to, .. } = upgraded;
    if !upgraded.changed {
        return format!("{to} runs already: nothing to do");
    }
    let switched = Duration::from_micros(upgraded.switched_after_us);
    match upgraded.draining {
        0 => format!("upgraded {from} → {to} in {switched:.1?}, drained after {elapsed:.1?}"),
        left => format!("upgraded {from} → {to} in {switched:.1?}; {left} processes still run on older versions"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(changed: bool, draining: u64) -> Upgraded {
        let (from, to) = ("0.1.0+a".to_owned(), "0.1.0+b".to_owned());
        Upgraded { from, to, changed, switched_after_us: 1500, draining }
    }

    #[test]
    fn the_outcome_is_one_line() {
        let elapsed = Duration::from_millis(25);
        assert_eq!(render(&upgraded(true, 0), elapsed), "upgraded 0.1.0+a → 0.1.0+b in 1.5ms, drained after 25.0ms");
        assert_eq!(
            render(&upgraded(true, 3), elapsed),
            "upgraded 0.1.0+a → 0.1.0+b in 1.5ms; 3 processes still run on older versions"
        );
        assert_eq!(render(&upgraded(false, 0), elapsed), "0.1.0+b runs already: nothing to do");
    }
}

//! `upgrade`: build the change, stage it, and have the node swap it in.

use super::version::{ask_status, current};
use crate::builder::{self, Purpose};
use crate::client;
use crate::context::Context;
use crate::counted::{Thing, choose, counted};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{interrupt, output, stage};
use runtime::protocol::{Command, Event, Outcome, Pauses, Status, Upgraded};
use runtime::release::manifest::Manifest;
use runtime::release::store::Store;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

pub(super) fn upgrade(context: &Context, release: Option<&Path>, drain_wait: u32, timeout: u32) -> Result<(), Failure> {
    let node = context.node()?;
    // Before anything is built: is there somebody to upgrade, and what serves?
    let status = ask_status(&mut client::connect(&node)?)?;
    let store = Store::new(node.layout.clone());
    let mut progress = Progress::new(context.json());
    let staged = match release {
        Some(folder) => unpack(folder, &store, &mut progress),
        None => build(context, &status, &store, &mut progress),
    };
    let manifest = staged.map_err(|failure| Failure { serving: Some(current(&status).to_owned()), ..failure })?;
    interrupt::check()?;

    let begun = Instant::now();
    let drain_wait = Duration::from_secs(drain_wait.into());
    let command = Command::Upgrade {
        release: manifest.version.to_string(),
        follow_drain_ms: u64::try_from(drain_wait.as_millis()).unwrap_or(u64::MAX),
    };
    let patience = Duration::from_secs(timeout.into()) + drain_wait;
    let asked = client::connect(&node)?.follow(command, patience, |event| match event {
        Some(event) => report(&mut progress, &event),
        None => progress.beat(),
    });
    progress.finish();
    match asked? {
        Outcome::Upgraded(upgraded) => {
            conclude(context.json(), &status.name, &upgraded, begun.elapsed());
            Ok(())
        }
        _ => Err(Failure::error("the node answers something else than the upgrade's outcome")),
    }
}

/// The packed release, in the node's folder.
fn unpack(folder: &Path, store: &Store, progress: &mut Progress) -> Result<Manifest, Failure> {
    step(progress, "unpack", &format!("unpack {}", folder.display()));
    stage::stage_release(store, folder).map_err(|failure| failure.step("unpack"))
}

/// The workspace's change, in the node's folder.
fn build(context: &Context, status: &Status, store: &Store, progress: &mut Progress) -> Result<Manifest, Failure> {
    let plugin = context.plugin()?;
    if plugin.name != status.name {
        let message = format!("the node in {} runs {}, and not {}", status.root, status.name, plugin.name);
        return Err(Failure::new(ExitCode::Refused, message).hint("give the node of that application with --node"));
    }
    step(progress, "build", &format!("build {}", plugin.name));
    // cargo shows its own progress.
    progress.pause();
    let object = builder::build(&plugin, Purpose::Upgrade).map_err(|failure| match failure.code {
        ExitCode::Refused => failure.hint("mend it and try again: the node has not been touched").step("build"),
        _ => failure.step("build"),
    })?;
    progress.go_on();
    stage::stage_build(store, &object, "").map_err(|failure| failure.step("stage"))
}

/// A step of this side.
fn step(progress: &mut Progress, name: &str, message: &str) {
    match progress {
        Progress::Json => output::json(&Event::Step { step: name.to_owned() }),
        progress => progress.say(message),
    }
}

fn report(progress: &mut Progress, event: &Event) {
    if matches!(progress, Progress::Json) {
        return output::json(event);
    }
    match event {
        Event::Attached { release } => progress.say(&format!("joining the upgrade to {release}")),
        Event::Step { step } => progress.say(step),
        Event::Switched { from, to } => progress.say(&format!("{from} → {to}: new processes start on the new version")),
        Event::Draining { processes: 0 } => progress.say("drained"),
        Event::Draining { processes } => {
            progress.count("draining", &format!("draining: {} on older versions", counted(*processes, Thing::Process)));
        }
    }
}

fn conclude(as_json: bool, name: &str, upgraded: &Upgraded, elapsed: Duration) {
    if as_json {
        return output::json(&json!({
            "outcome": "upgraded",
            "exit_code": ExitCode::Done as u8,
            "name": name,
            "changed": upgraded.changed,
            "from": upgraded.from,
            "to": upgraded.to,
            "switched_after_us": upgraded.switched_after_us,
            "draining": upgraded.draining,
            "pauses": upgraded.pauses,
        }));
    }
    output::line(&render(name, upgraded, elapsed));
}

fn render(name: &str, upgraded: &Upgraded, elapsed: Duration) -> String {
    let Upgraded { from, to, .. } = upgraded;
    if !upgraded.changed {
        return format!("{name} {to} runs already: nothing to do");
    }
    let switched = Duration::from_micros(upgraded.switched_after_us);
    let moved = moved(&upgraded.pauses);
    match upgraded.draining {
        0 => format!("{name}: upgraded {from} → {to} in {switched:.1?}{moved}, drained after {elapsed:.1?}"),
        left => {
            let (left, run) = (counted(left, Thing::Process), choose(left, "runs", "run"));
            format!("{name}: upgraded {from} → {to} in {switched:.1?}{moved}; {left} still {run} on older versions")
        }
    }
}

/// What processes that moved have felt of it.
fn moved(pauses: &Pauses) -> String {
    let [p50, p99] = [pauses.p50_ns, pauses.p99_ns].map(Duration::from_nanos);
    match pauses.count {
        0 => String::new(),
        1 => format!(", 1 process moved (it stood still for {p50:.1?})"),
        count => format!(", {count} processes moved (each stood still for {p50:.1?}, p99 {p99:.1?})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upgraded(changed: bool, draining: u64) -> Upgraded {
        let (from, to) = ("0.1.0+a".to_owned(), "0.1.0+b".to_owned());
        Upgraded { from, to, changed, switched_after_us: 1500, draining, pauses: Pauses::default() }
    }

    #[test]
    fn the_outcome_is_one_line() {
        let say = |upgraded| render("app", &upgraded, Duration::from_millis(25));
        assert_eq!(say(upgraded(true, 0)), "app: upgraded 0.1.0+a → 0.1.0+b in 1.5ms, drained after 25.0ms");
        assert_eq!(
            say(upgraded(true, 3)),
            "app: upgraded 0.1.0+a → 0.1.0+b in 1.5ms; 3 processes still run on older versions"
        );
        assert_eq!(
            say(upgraded(true, 1)),
            "app: upgraded 0.1.0+a → 0.1.0+b in 1.5ms; 1 process still runs on older versions"
        );
        let moved = |count| {
            let pauses = Pauses { count, p50_ns: 12_000, p99_ns: 95_000, max_ns: 200_000 };
            say(Upgraded { pauses, ..upgraded(true, 0) })
        };
        assert_eq!(
            moved(10_000),
            "app: upgraded 0.1.0+a → 0.1.0+b in 1.5ms, 10000 processes moved (each stood still for 12.0µs, p99 95.0µs), \
             drained after 25.0ms"
        );
        assert_eq!(
            moved(1),
            "app: upgraded 0.1.0+a → 0.1.0+b in 1.5ms, 1 process moved (it stood still for 12.0µs), drained after 25.0ms"
        );
        assert_eq!(say(upgraded(false, 0)), "app 0.1.0+b runs already: nothing to do");
    }
}

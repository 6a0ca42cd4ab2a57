//! Following an upgrade or a roll-back that a node makes, to its end.

use super::last_words;
use crate::answers::{self, Answer, Done};
use crate::cli::Waiting;
use crate::client;
use crate::context::Context;
use crate::counted::{Thing, choose, counted};
use crate::failure::Failure;
use crate::github;
use crate::hints;
use crate::node_path::NodePath;
use crate::output;
use crate::pauses;
use crate::progress::Progress;
use runtime::protocol::{Command, Event, OnProbation, Outcome, Pauses, Unconfirmed, Upgraded};
use std::time::{Duration, Instant, SystemTime};

/// How long to follow the drain, and how long to wait for the node in all.
pub(super) fn times(waiting: Waiting) -> (Duration, Duration) {
    let drain = Duration::from_secs(waiting.drain_wait.into());
    (drain, Duration::from_secs(waiting.timeout.into()) + drain)
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Asks for it, reports what happens, and concludes.
pub(super) fn follow(
    context: &Context,
    node: &NodePath,
    name: &str,
    command: Command,
    waiting: Waiting,
    mut progress: Progress,
) -> Result<(), Failure> {
    let (begun, since) = (Instant::now(), SystemTime::now());
    let (_, patience) = times(waiting);
    let asked = client::connect(node)?.follow(command, patience, |event| match event {
        Some(event) => report(&mut progress, &event),
        None => progress.beat(),
    });
    progress.finish();
    match asked.map_err(|failure| last_words::added(failure, node, since))? {
        Outcome::Upgraded(upgraded) => {
            conclude(context.json(), name, upgraded, begun.elapsed(), None);
            Ok(())
        }
        _ => Err(Failure::error("the node answers something else than the outcome of an upgrade")
            .hint(hints::ANOTHER_VERSION)),
    }
}

pub(super) fn report(progress: &mut Progress, event: &Event) {
    if matches!(progress, Progress::Json) {
        return output::json(event.clone());
    }
    match event {
        Event::Attached { release } => progress.say(&format!("joining the upgrade to {release}")),
        Event::Step { step } => progress.say(step),
        Event::Warning { message } => progress.warn(message),
        Event::Switched { from, to } => progress.say(&format!("{from} → {to}: new processes start on the new version")),
        // Nobody has asked for them here.
        Event::Processes { .. } | Event::Profiled { .. } | Event::Traced { .. } | Event::Logged { .. } => {}
        Event::Probation(probation) => progress.say(&on_probation(probation)),
        Event::Draining { processes: 0 } => progress.say("drained"),
        Event::Draining { processes } => {
            progress.count("draining", &format!("draining: {} on older versions", counted(*processes, Thing::Process)));
        }
    }
}

/// `node`: which, where it is on another machine.
pub(super) fn conclude(as_json: bool, name: &str, upgraded: Upgraded, elapsed: Duration, node: Option<String>) {
    let sentence = render(name, &upgraded, elapsed);
    github::upgraded(name, &upgraded, &sentence);
    if as_json {
        let Upgraded { from, to, changed, switched_after_us, draining, pauses, probation } = upgraded;
        let name = name.to_owned();
        let upgraded =
            answers::Upgraded { name, changed, from, to, switched_after_us, draining, pauses, probation, node };
        return output::json(Answer::Upgraded(Done::new(upgraded)));
    }
    output::line(&sentence);
    if upgraded.pauses.count > 1 {
        output::line(&format!("pauses up to: {}", pauses::histogram(&upgraded.pauses)));
    }
    if let Some(probation) = &upgraded.probation {
        output::line(&on_probation(probation));
    }
}

/// What comes of it, and when.
pub(super) fn on_probation(probation: &OnProbation) -> String {
    let OnProbation { from, to, ends_in_ms, unconfirmed } = probation;
    // No fractions of what people count.
    let left = humantime::format_duration(Duration::from_secs(ends_in_ms.div_ceil(1000)));
    match unconfirmed {
        Unconfirmed::RolledBack => {
            format!(
                "{to} is on probation: in {left} it is rolled back to {from}, unless cargo system confirm is called"
            )
        }
        Unconfirmed::Permanent => {
            format!("{to} is on probation: in {left} it is permanent, unless something is wrong with it")
        }
    }
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
        Upgraded { from, to, changed, switched_after_us: 1500, draining, pauses: Pauses::default(), probation: None }
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
            let pauses = Pauses { count, p50_ns: 12_000, p99_ns: 95_000, ..Pauses::default() };
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
        let probation = |unconfirmed| {
            on_probation(&OnProbation { from: "a".to_owned(), to: "b".to_owned(), ends_in_ms: 299_100, unconfirmed })
        };
        assert_eq!(
            probation(Unconfirmed::RolledBack),
            "b is on probation: in 5m it is rolled back to a, unless cargo system confirm is called"
        );
        assert_eq!(
            probation(Unconfirmed::Permanent),
            "b is on probation: in 5m it is permanent, unless something is wrong with it"
        );
        assert_eq!(say(upgraded(false, 0)), "app 0.1.0+b runs already: nothing to do");
    }
}

//! Runs the health checks that an application declares: each a process of the image, contained as any, all at once.

use super::candidate::check_of;
use crate::image::Image;
use crate::process::{Reason, table};
use crate::scheduler::{self, Observer};
use plugin_abi::abi::{EXIT_KILLED, EXIT_NORMAL};
use std::time::{Duration, Instant};

/// No check is given more.
pub(super) const HEALTH_MAX: Duration = Duration::from_secs(60);

/// A check that runs.
struct Running {
    name: &'static str,
    deadline: Duration,
    until: Instant,
    observer: Observer,
}

/// How often it is looked whether anybody still wants to know.
const LOOK: Duration = Duration::from_millis(50);

/// Runs all checks of all images, and waits for their ends, unless `is_moot` by then: those that run are killed, and have passed.
///
/// # Errors
/// The first that did not pass, and why.
pub(super) fn check(images: &[&'static Image], is_moot: impl Fn() -> bool) -> Result<(), String> {
    let mut running = Vec::new();
    let begun = images.iter().try_for_each(|image| begin(image, &mut running));
    // All are waited for: none is left behind when another one fails.
    let ends: Vec<_> = running.into_iter().map(|running| running.end(&is_moot)).collect();
    begun.and_then(|()| ends.into_iter().collect())
}

/// Starts an image's checks.
fn begin(image: &'static Image, running: &mut Vec<Running>) -> Result<(), String> {
    let Some(application) = image.application() else { return Ok(()) };
    for (index, check) in application.health_checks()?.into_iter().enumerate() {
        let deadline = check.deadline.min(HEALTH_MAX);
        let failed = |reason: &str| format!("the health check {:?} {reason}", check.name);
        let process = check_of(image, index).ok_or_else(|| failed("cannot be started"))?;
        let unstarted =
            process.begin(image).ok_or_else(|| failed("cannot be started: the process limit is reached"))?;
        let observer = Observer::of(unstarted.pid());
        unstarted.start();
        running.push(Running { name: check.name, deadline, until: Instant::now() + deadline, observer });
    }
    Ok(())
}

impl Running {
    fn end(self, is_moot: &impl Fn() -> bool) -> Result<(), String> {
        let Self { name, deadline, until, observer } = self;
        loop {
            match observer.ended_by(until.min(Instant::now() + LOOK)) {
                Some(reason) if reason.code == EXIT_NORMAL => return Ok(()),
                Some(reason) => return Err(format!("the health check {name:?} failed: {}", why(&reason))),
                None if is_moot() => {
                    kill(&observer);
                    return Ok(());
                }
                None if Instant::now() >= until => {
                    kill(&observer);
                    return Err(format!("the health check {name:?} has not ended within {deadline:?}, and was killed"));
                }
                None => {}
            }
        }
    }
}

fn kill(observer: &Observer) {
    if let Some(late) = table::find(observer.pid()) {
        scheduler::kill(late.process());
    }
}

fn why(reason: &Reason) -> &str {
    match &reason.detail {
        Some(detail) => detail,
        None if reason.code == EXIT_KILLED => "it was killed",
        None => "it gave no reason",
    }
}

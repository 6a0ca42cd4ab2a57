//! Answers about the log: what has been said, what is said from now on, and what is logged at all.

use super::connection::{failure, write};
use super::inside::has_gone;
use crate::image;
use crate::log;
use crate::protocol::{Event, FailureKind, LogLevel, Logged, Outcome, Reply};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// Events that go out together.
const BATCH: usize = 200;
/// How often it is looked for new ones.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn log(stream: &UnixStream, count: u32, level: Option<LogLevel>, follow: bool) -> io::Result<()> {
    let is_wanted = |event: &Arc<Logged>| level.is_none_or(|most| event.level <= most);
    let send = |events: &[Arc<Logged>], lost: u64| {
        let events: Vec<_> = events.iter().filter(|event| is_wanted(event)).map(|event| (**event).clone()).collect();
        if events.is_empty() && lost == 0 {
            return Ok(());
        }
        write(stream, &Reply::Event(Event::Logged { events, lost }))
    };
    let (first, kept) = log::events(0, usize::MAX);
    let mut next = first + kept.len() as u64;
    last_wanted(&kept, count, is_wanted).chunks(BATCH).try_for_each(|events| send(events, 0))?;
    drop(kept);
    if !follow {
        return write(stream, &Reply::Done(Outcome::Ok));
    }
    loop {
        let (first, events) = log::events(next, BATCH);
        send(&events, first - next)?;
        next = first + events.len() as u64;
        if events.is_empty() {
            if has_gone(stream) {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
    }
}

/// From the one on behind which, with it, there are `count` of the wanted ones.
fn last_wanted(kept: &[Arc<Logged>], count: u32, is_wanted: impl Fn(&Arc<Logged>) -> bool) -> &[Arc<Logged>] {
    let Some(before) = (count as usize).checked_sub(1) else { return &[] };
    let mut wanted = kept.iter().enumerate().rev().filter(|(_, event)| is_wanted(event));
    let begin = wanted.nth(before).map_or(0, |(index, _)| index);
    &kept[begin..]
}

pub(super) fn log_level(stream: &UnixStream, set: &[String]) -> io::Result<()> {
    if !set.is_empty()
        && let Err(error) = change_levels(set)
    {
        let mut failure = failure(FailureKind::Error, &error);
        failure.hint = Some("write [MODULE=]LEVEL, such as debug or my_app::orders=debug".to_owned());
        return write(stream, &Reply::Failed(failure));
    }
    write(stream, &Reply::Done(Outcome::LogLevels { levels: log::levels() }))
}

/// All of them, or none. The images hear last what was set last, whoever sets something meanwhile: it is the plugins' code that hears it, so no lock
/// is held for that.
fn change_levels(set: &[String]) -> Result<(), String> {
    log::set_levels(set)?;
    loop {
        let most = log::most();
        image::set_log_level(most);
        if log::most() == most {
            return Ok(());
        }
    }
}

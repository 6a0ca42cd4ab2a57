//! Answers about the processes.

use super::connection::{failure, write};
use super::server::Controlled;
use super::status;
use crate::console::{self, Tools};
use crate::image::{self, Image};
use crate::listen;
use crate::observe::{self, NoProcess};
use crate::protocol::{
    Event, FailureKind, Outcome, ProcessStatus, Profile, ProfileStack, ProfileTarget, Reply, Selection, Traced, Trees,
};
use crate::timely::Timely;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::io::{self, BufReader};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All processes are given to somebody who takes them within this time.
const ALL_TIME_MAX: Duration = Duration::from_secs(600);
/// No interval is longer.
const INTERVAL_MAX: Duration = Duration::from_secs(3600);

pub(super) fn processes(stream: &UnixStream, selection: &Selection) -> io::Result<()> {
    let listed = if selection.limit.is_some() {
        observe::list(selection)
    } else {
        let until = Instant::now() + ALL_TIME_MAX;
        let give = |processes: Vec<ProcessStatus>| match Instant::now() < until {
            true => write(stream, &Reply::Event(Event::Processes { processes })),
            false => Err(io::ErrorKind::TimedOut.into()),
        };
        observe::all(selection, give)?
    };
    write(stream, &Reply::Done(Outcome::Processes(listed)))
}

pub(super) fn info(stream: &UnixStream, pid: &str) -> io::Result<()> {
    reply(stream, observe::info(pid).map(Outcome::Process))
}

pub(super) fn top(stream: &UnixStream, interval_ms: u64, functions: u32, selection: &Selection) -> io::Result<()> {
    let interval = Duration::from_millis(interval_ms).min(INTERVAL_MAX);
    match observe::top(selection, interval, || !has_gone(stream)) {
        Some(mut top) => {
            let shown = top.processes.len().min(functions as usize);
            observe::tell_functions(&mut top.processes[..shown]);
            write(stream, &Reply::Done(Outcome::Top(top)))
        }
        None => Ok(()),
    }
}

pub(super) fn tree(controlled: &Controlled) -> Trees {
    let is_current = |image: &Image| listen::current().is_some_and(|running| running.has(image));
    let mut images: Vec<&Image> =
        image::all().into_iter().filter(|image| is_current(image) || image.processes.get() > 0).collect();
    images.sort_by_key(|image| std::cmp::Reverse(controlled.versions.current_since(image)));
    let images = images.into_iter().map(|image| (image, controlled.versions.root(image), is_current(image)));
    Trees { versions: observe::trees(images) }
}

pub(super) fn kill(stream: &UnixStream, pid: &str, reason: Option<&str>) -> io::Result<()> {
    reply(stream, observe::kill(pid, reason).map(Outcome::Killed))
}

pub(super) fn stack(stream: &UnixStream, pid: &str) -> io::Result<()> {
    reply(stream, observe::stack(pid).map(Outcome::Stack))
}

pub(super) fn profile(stream: &UnixStream, target: &ProfileTarget, time_ms: u64, hz: u32) -> io::Result<()> {
    /// Functions or stacks that go out together.
    const BATCH: usize = 200;
    let profile = match observe::profile(target, Duration::from_millis(time_ms), hz, || !has_gone(stream)) {
        Ok(Some(profile)) => profile,
        Ok(None) => return Ok(()),
        Err(error) => return reply(stream, Err(error)),
    };
    let send = |functions: &[String], stacks: &[ProfileStack]| {
        let event = Event::Profiled { functions: functions.to_vec(), stacks: stacks.to_vec() };
        write(stream, &Reply::Event(event))
    };
    profile.functions.chunks(BATCH).try_for_each(|functions| send(functions, &[]))?;
    profile.stacks.chunks(BATCH).try_for_each(|stacks| send(&[], stacks))?;
    let rest = Profile { functions: Vec::new(), stacks: Vec::new(), ..profile };
    write(stream, &Reply::Done(Outcome::Profile(rest)))
}

/// Until the client hangs up, at the latest.
pub(super) fn trace(stream: &UnixStream, pid: &str, time_ms: u64, count: u64) -> io::Result<()> {
    let give = |happened: Vec<Traced>| match happened.is_empty() {
        true if has_gone(stream) => Err(io::ErrorKind::BrokenPipe.into()),
        true => Ok(()),
        false => write(stream, &Reply::Event(Event::Traced { happened })),
    };
    match observe::trace(pid, Duration::from_millis(time_ms), count, give) {
        Ok(end) => write(stream, &Reply::Done(Outcome::Traced(end?))),
        Err(error) => reply(stream, Err(error)),
    }
}

pub(super) fn console(
    stream: &UnixStream,
    reader: BufReader<Timely<'_>>,
    controlled: &Arc<Controlled>,
    patience: Duration,
) -> io::Result<()> {
    let (for_status, for_trees) = (Arc::clone(controlled), Arc::clone(controlled));
    let tools = Tools {
        status: Arc::new(move || status::status(&for_status)),
        trees: Arc::new(move || tree(&for_trees)),
        images: Arc::new(|| listen::current().map_or_else(Vec::new, |running| running.images.clone())),
    };
    let version = listen::current().map_or("", |running| &running.version);
    console::serve(stream, reader, patience, &controlled.name, version, &tools)
}

fn reply(stream: &UnixStream, answer: Result<Outcome, NoProcess>) -> io::Result<()> {
    match answer {
        Ok(outcome) => write(stream, &Reply::Done(outcome)),
        Err(error) => {
            let mut failure = failure(FailureKind::Error, &error.to_string());
            failure.hint = error.hint().map(str::to_owned);
            write(stream, &Reply::Failed(failure))
        }
    }
}

/// Whether the client has hung up. One that has only said that it sends no more still listens.
pub(super) fn has_gone(stream: &UnixStream) -> bool {
    let mut ends = [PollFd::new(stream, PollFlags::empty())];
    // A time of zero does not wait.
    let polled = rustix::event::poll(&mut ends, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    polled.is_ok() && ends[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
}

//! One client's talk: a request, events, an end.

use super::applications::may_ask;
use super::places::{self, Place};
use super::server::{Controlled, StopRequest};
use super::status;
use super::{history, inside, peer, talk};
use crate::listen;
use crate::metrics;
use crate::protocol::{
    Command, Event, Failure, FailureKind, Outcome, REQUEST_LEN_MAX, Reply, Request, SCHEMA, Upgraded,
};
use crate::timely::Timely;
use crate::upgrade::{Begun, Seen, Wish, draining};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// A client says all that it wants, and takes each line, within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the drain is looked at while a client follows it.
const DRAIN_LOOK: Duration = Duration::from_millis(20);
/// No client follows a drain, or waits for a stop, longer than this.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Serves one client. One that goes away, or says nothing, is left alone.
pub(super) fn serve(stream: &UnixStream, controlled: &Arc<Controlled>) {
    let mut reader = BufReader::new(Timely::within(stream, PATIENCE));
    let answer = match read_request(&mut reader) {
        Ok(request) if places::is_long(&request.command) => match Place::of_long_talk() {
            Ok(_place) => serve_request(stream, reader, controlled, request),
            Err(message) => write(stream, &Reply::Failed(hinted(&message, places::FULL_HINT))),
        },
        Ok(request) => serve_request(stream, reader, controlled, request),
        Err(failure) => write(stream, &Reply::Failed(failure)),
    };
    // A client that has gone does not want its answer.
    drop(answer);
}

fn serve_request(
    stream: &UnixStream,
    reader: BufReader<Timely<'_>>,
    controlled: &Arc<Controlled>,
    request: Request,
) -> io::Result<()> {
    match request.command {
        // What a console sends after its request may be there already.
        Command::Console => inside::console(stream, reader, controlled, PATIENCE),
        _ => act(stream, controlled, request),
    }
}

/// Answers without reading, and with hardly any wait.
pub(super) fn turn_away(stream: &UnixStream, failure: Failure) {
    const PATIENCE: Duration = Duration::from_millis(100);
    // A client that has gone does not want to know.
    let _: io::Result<()> = write_within(stream, &Reply::Failed(failure), PATIENCE);
}

/// Serves one of the node's own applications.
pub(super) fn serve_inside(stream: &UnixStream, controlled: &Arc<Controlled>) {
    let answer = match read_request(&mut BufReader::new(Timely::within(stream, PATIENCE))) {
        Ok(request) if may_ask(&request.command) => act(stream, controlled, request),
        Ok(_) => {
            let message = "an application cannot ask for that: it is for the node's operator";
            write(stream, &Reply::Failed(failure(FailureKind::Error, message)))
        }
        Err(failure) => write(stream, &Reply::Failed(failure)),
    };
    // A process that has gone does not want its answer.
    drop(answer);
}

pub(super) fn failure(kind: FailureKind, message: &str) -> Failure {
    let serving = listen::current().map(|running| running.version.clone());
    Failure { kind, step: None, message: message.to_owned(), details: None, hint: None, serving }
}

/// An error, and what to do next.
pub(super) fn hinted(message: &str, hint: &str) -> Failure {
    Failure { hint: Some(hint.to_owned()), ..failure(FailureKind::Error, message) }
}

fn read_request(reader: &mut BufReader<Timely<'_>>) -> Result<Request, Failure> {
    let refuse = |message: &str| failure(FailureKind::Error, message);
    let mut line = String::new();
    let read = reader.take(REQUEST_LEN_MAX).read_line(&mut line);
    read.map_err(|error| refuse(&format!("the request cannot be read: {error}")))?;
    if !line.ends_with('\n') {
        return Err(refuse(&format!("the request is not a line of at most {REQUEST_LEN_MAX} bytes")));
    }
    let raw: serde_json::Value =
        serde_json::from_str(&line).map_err(|error| refuse(&format!("the request is not JSON: {error}")))?;
    let schema = raw.get("schema").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if schema == 0 || schema > u64::from(SCHEMA) {
        let message = format!("the request has schema {schema}, and this node speaks up to {SCHEMA}");
        let hint = "use a cargo-system as old as the node, or restart the node with this one";
        // Without one, it comes from no cargo-system.
        return Err(if schema == 0 { refuse(&message) } else { hinted(&message, hint) });
    }
    serde_json::from_value(raw).map_err(|error| refuse(&format!("the request is not understood: {error}")))
}

/// A line of the answer. Who does not take it in time is hung up on.
pub(super) fn write(stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    write_within(stream, reply, PATIENCE)
}

fn write_within(stream: &UnixStream, reply: &Reply, patience: Duration) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    Timely::within(stream, patience).write_all(&line)
}

fn act(stream: &UnixStream, controlled: &Arc<Controlled>, request: Request) -> io::Result<()> {
    match request.command {
        Command::Ping => write(stream, &Reply::Done(Outcome::Ok)),
        Command::Status => write(stream, &Reply::Done(Outcome::Status(status::status(controlled)))),
        Command::Processes { selection } => inside::processes(stream, &selection),
        Command::Info { pid } => inside::info(stream, &pid),
        Command::Top { interval_ms, functions, selection } => inside::top(stream, interval_ms, functions, &selection),
        Command::Tree => write(stream, &Reply::Done(Outcome::Tree(inside::tree(controlled)))),
        Command::Kill { pid, reason } => inside::kill(stream, &pid, reason.as_deref()),
        Command::Stack { pid } => inside::stack(stream, &pid),
        Command::Profile { target, time_ms, hz } => inside::profile(stream, &target, time_ms, hz),
        Command::Trace { pid, time_ms, count } => inside::trace(stream, &pid, time_ms, count),
        Command::History { count } => history::history(stream, controlled, count),
        Command::Metrics => {
            write(stream, &Reply::Done(Outcome::Metrics { text: metrics::text(&status::status(controlled)) }))
        }
        Command::Log { count, level, follow } => talk::log(stream, count, level, follow),
        Command::LogLevel { set } => talk::log_level(stream, &set),
        // Served before, as it reads more than its request.
        Command::Console => Ok(()),
        Command::Stop { grace_ms } => stop(stream, controlled, Duration::from_millis(grace_ms)),
        Command::Upgrade { release, force, confirm_within_ms, wait, from, follow_drain_ms } => {
            let by = peer::by(stream, request.client.as_deref());
            let wish = Wish { is_forced: force, confirm_within: probation(confirm_within_ms), from };
            let begun = controlled.versions.upgrade(&release, wish, by);
            let begun = begun.map(|begun| if wait { begun.followed_through() } else { begun });
            follow(stream, begun, Duration::from_millis(follow_drain_ms))
        }
        Command::Confirm => follow(stream, controlled.versions.confirm(), Duration::ZERO),
        Command::Plan { release, root, force, confirm_within_ms, listeners } => {
            let wish = Wish { is_forced: force, confirm_within: probation(confirm_within_ms), from: None };
            let planned = controlled.versions.plan(&release, root.as_deref(), wish, listeners);
            write(stream, &planned.map_or_else(Reply::Failed, |plan| Reply::Done(Outcome::Plan(plan))))
        }
        Command::PlanRollback { release, force } => {
            let planned = controlled.versions.plan_back(release.as_deref(), force);
            write(stream, &planned.map_or_else(Reply::Failed, |plan| Reply::Done(Outcome::Plan(plan))))
        }
        Command::Rollback { release, force, follow_drain_ms } => {
            let by = peer::by(stream, request.client.as_deref());
            let begun = controlled.versions.roll_back(release.as_deref(), force, by);
            follow(stream, begun, Duration::from_millis(follow_drain_ms))
        }
    }
}

/// No probation is longer than anybody waits for anything else.
fn probation(within_ms: Option<u64>) -> Option<Duration> {
    within_ms.map(|ms| Duration::from_millis(ms).min(WAIT_MAX))
}

/// Answers when the processes are gone. The connection itself ends with the node, so that the client can wait for that.
fn stop(stream: &UnixStream, controlled: &Controlled, grace: Duration) -> io::Result<()> {
    let grace = grace.min(WAIT_MAX);
    let (stopped, wait) = sync_channel(1);
    let (tell, told) = sync_channel::<()>(0);
    if controlled.stop.try_send(StopRequest { grace, stopped, told }).is_err() {
        let hint = "wait for its end; cargo system status says when it is gone";
        return write(stream, &Reply::Failed(hinted("the node is stopping already", hint)));
    }
    // The node answers within the grace and a little; a node that is gone cannot be waited for.
    let _: Result<(), _> = wait.recv_timeout(grace + PATIENCE);
    let written = write(stream, &Reply::Done(Outcome::Ok));
    drop(tell);
    std::thread::sleep(PATIENCE);
    written
}

/// Reports an upgrade or a roll-back to its end, and its drain for so long.
fn follow(stream: &UnixStream, begun: Result<Begun, Failure>, drain: Duration) -> io::Result<()> {
    let Begun { mut watcher, is_attached, turns_back } = match begun {
        Ok(begun) => begun,
        Err(failure) => return write(stream, &Reply::Failed(failure)),
    };
    if is_attached {
        write(stream, &Reply::Event(Event::Attached { release: watcher.release().to_owned() }))?;
    }
    let done = loop {
        match watcher.next() {
            Seen::Event(event) => write(stream, &Reply::Event(event))?,
            Seen::End(Ok(done)) | Seen::Standing(done) => break done,
            // So it was wished.
            Seen::End(Err(failure)) if failure.kind == FailureKind::RolledBack && turns_back.is_some() => {
                break turns_back.unwrap_or_default();
            }
            Seen::End(Err(failure)) => return write(stream, &Reply::Failed(failure)),
        }
    };
    let left = if done.changed { follow_drain(stream, drain.min(WAIT_MAX))? } else { done.draining };
    write(stream, &Reply::Done(Outcome::Upgraded(Upgraded { draining: left, ..done })))
}

/// Reports each change until nothing is left or the time is up. Returns what is left.
fn follow_drain(stream: &UnixStream, follow: Duration) -> io::Result<u64> {
    let until = Instant::now() + follow;
    let mut reported = None;
    loop {
        let processes = draining();
        if reported != Some(processes) {
            write(stream, &Reply::Event(Event::Draining { processes }))?;
            reported = Some(processes);
        }
        if processes == 0 || Instant::now() >= until {
            return Ok(processes);
        }
        std::thread::sleep(DRAIN_LOOK);
    }
}

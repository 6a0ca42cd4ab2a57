//! A trace for people: what happens to a process, as it happens, for so long and so many events at the most.

use super::NoProcess;
use super::list::find;
use crate::process::{Pid, Reason};
use crate::protocol::{Happening, TraceEnd, Traced};
use crate::scheduler::{Happened, TRACES_MAX, Trace, TraceEvent};
use plugin_abi::abi::{EXIT_ERROR, EXIT_KILLED, EXIT_NOPROC, EXIT_NORMAL, EXIT_PANIC, EXIT_SHUTDOWN};
use std::time::{Duration, Instant};

const TIME_MAX: Duration = Duration::from_secs(600);
const COUNT_MAX: u64 = 1_000_000;
/// How often the ring is emptied: at a million events a second, some do not fit.
const LOOK: Duration = Duration::from_millis(5);
/// Events that go out together.
const BATCH: usize = 200;

/// Gives what happens, in batches, none now and then, as long as somebody takes it.
pub(crate) fn trace<E>(
    pid: &str,
    time: Duration,
    count: u64,
    mut give: impl FnMut(Vec<Traced>) -> Result<(), E>,
) -> Result<Result<TraceEnd, E>, NoProcess> {
    let process = find(pid)?;
    let trace = Trace::begin(process.pid()).ok_or(NoProcess::Traces(TRACES_MAX))?;
    let (until, count) = (Instant::now() + time.min(TIME_MAX), count.min(COUNT_MAX));
    let mut end = TraceEnd { pid: process.pid().to_string(), events: 0, lost: 0, because: String::new() };
    loop {
        // Asked in this order: who has ended has noted it before.
        let has_ended = !process.state.is_alive();
        let is_late = Instant::now() >= until;
        let (events, lost) = trace.take();
        let mut events: Vec<_> = events.into_iter().map(told).collect();
        if lost > 0 {
            let at_ns = events.last().map_or(0, |last| last.at_ns);
            events.push(Traced { at_ns, what: Happening::Lost { events: lost } });
        }
        end.lost += lost;
        events.truncate(usize::try_from(count - end.events).unwrap_or(usize::MAX));
        end.events += events.len() as u64;
        let given = if events.is_empty() { give(events) } else { in_batches(events, &mut give) };
        if let Err(error) = given {
            return Ok(Err(error));
        }
        let over = [(end.events >= count, "count"), (has_ended, "ended"), (is_late, "time")];
        if let Some((_, because)) = over.iter().find(|(is_over, _)| *is_over) {
            end.because = (*because).to_owned();
            return Ok(Ok(end));
        }
        std::thread::sleep(LOOK);
    }
}

fn in_batches<E>(events: Vec<Traced>, give: &mut impl FnMut(Vec<Traced>) -> Result<(), E>) -> Result<(), E> {
    events.chunks(BATCH).try_for_each(|batch| give(batch.to_vec()))
}

fn told((at, happened): TraceEvent) -> Traced {
    let pid = |pid: Pid| pid.to_string();
    let text = str::to_owned;
    let what = match happened {
        Happened::Arrived(name, from) => Happening::Arrived { message_type: text(name), from: from.map(pid) },
        Happened::Received(name) => Happening::Received { message_type: text(name) },
        Happened::Sent(name, to) => Happening::Sent { message_type: text(name), to: pid(to) },
        Happened::Refused(why) => Happening::Refused { why: text(why) },
        Happened::Polled(took, outcome) => Happening::Polled { took_ns: nanoseconds(took), outcome: text(outcome) },
        Happened::Spawned(other) => Happening::Spawned { pid: pid(other) },
        Happened::Linked(other) => Happening::Linked { pid: pid(other) },
        Happened::Unlinked(other) => Happening::Unlinked { pid: pid(other) },
        Happened::Monitors(other) => Happening::Monitors { pid: pid(other) },
        Happened::Demonitors(other) => Happening::Demonitors { pid: pid(other) },
        Happened::MonitoredBy(other) => Happening::MonitoredBy { pid: pid(other) },
        Happened::ExitSignal(from, why) => Happening::ExitSignal { from: from.map(pid), reason: reason(&why) },
        Happened::Ended(why) => Happening::Ended { reason: reason(&why) },
    };
    Traced { at_ns: nanoseconds(at), what }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn reason(reason: &Reason) -> String {
    let code = match reason.code {
        EXIT_NORMAL => "normal",
        EXIT_KILLED => "killed",
        EXIT_PANIC => "panic",
        EXIT_ERROR => "error",
        EXIT_SHUTDOWN => "shutdown",
        EXIT_NOPROC => "noproc",
        _ => "another",
    };
    match &reason.detail {
        Some(detail) => format!("{code}: {detail}"),
        None => code.to_owned(),
    }
}

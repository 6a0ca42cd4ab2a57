//! `trace`: what happens to a process, a line each, as it happens.

use super::version::something_else;
use crate::answers::{Answer, Line};
use crate::cli::TraceOptions;
use crate::client::PATIENCE;
use crate::context::Context;
use crate::failure::Failure;
use crate::{output, shown};
use runtime::protocol::{Command, Event, Happening, Outcome, TraceEnd, Traced};
use std::time::Duration;

pub(super) fn trace(context: &Context, options: TraceOptions) -> Result<(), Failure> {
    let TraceOptions { pid, time, count } = options;
    let as_json = context.json();
    let time_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let show = |event: Event| {
        let Event::Traced { happened } = event else { return };
        for traced in happened {
            if as_json {
                output::json(Line::Traced(traced));
            } else {
                output::line(&row(&traced));
            }
        }
    };
    match context.connect()?.tell(Command::Trace { pid, time_ms, count }, time + PATIENCE, show)? {
        None => {}
        Some(Outcome::Traced(end)) if as_json => output::json(Answer::Traced(end)),
        Some(Outcome::Traced(end)) => output::note(&summary(&end)),
        Some(_) => return Err(something_else()),
    }
    Ok(())
}

fn row(traced: &Traced) -> String {
    let at = Duration::from_nanos(traced.at_ns).as_secs_f64();
    let (what, more) = described(&traced.what);
    format!("{at:11.6}  {what:11}  {}", shown::cut(&more, 300)).trim_end().to_owned()
}

fn described(what: &Happening) -> (&'static str, String) {
    let of = |pid: &Option<String>| pid.as_ref().map_or_else(String::new, |pid| format!(" from {pid}"));
    match what {
        Happening::Arrived { message_type, from } => ("arrived", format!("{message_type}{}", of(from))),
        Happening::Received { message_type } => ("received", message_type.clone()),
        Happening::Sent { message_type, to } => ("sent", format!("{message_type} to {to}")),
        Happening::Refused { why } => ("refused", why.clone()),
        Happening::Polled { took_ns, outcome } => ("polled", format!("{}, {outcome}", polled(*took_ns))),
        Happening::Spawned { pid } => ("spawned", pid.clone()),
        Happening::Linked { pid } => ("linked", format!("with {pid}")),
        Happening::Unlinked { pid } => ("unlinked", format!("from {pid}")),
        Happening::Monitors { pid } => ("monitors", pid.clone()),
        Happening::Demonitors { pid } => ("demonitors", pid.clone()),
        Happening::MonitoredBy { pid } => ("monitored", format!("by {pid}")),
        Happening::ExitSignal { from, reason } => ("exit signal", format!("{reason}{}", of(from))),
        Happening::Ended { reason } => ("ended", reason.clone()),
        Happening::Lost { events } => ("lost", format!("{events} events that there was no room for")),
    }
}

/// Most polls take less than a microsecond.
fn polled(nanoseconds: u64) -> String {
    if nanoseconds < 10_000 { format!("{nanoseconds} ns") } else { shown::time(nanoseconds) }
}

fn summary(end: &TraceEnd) -> String {
    let why = match end.because.as_str() {
        "ended" => "it has ended",
        "count" => "so many were asked for",
        _ => "the time is up",
    };
    let lost = if end.lost > 0 { format!(", {} lost", end.lost) } else { String::new() };
    format!("{} events of {}{lost}: {why}", end.events, end.pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_a_line() {
        let text = str::to_owned;
        let events = [
            (1_500, Happening::Arrived { message_type: text("u64"), from: Some(text("<4.1>")) }),
            (2_000, Happening::Arrived { message_type: text("u64"), from: None }),
            (2_000_000, Happening::Received { message_type: text("u64") }),
            (1_000_000_000, Happening::Sent { message_type: text("a\nb"), to: text("<5.1>") }),
            (12_000_000_000, Happening::Polled { took_ns: 900, outcome: text("pending") }),
            (12_000_000_001, Happening::ExitSignal { from: Some(text("<5.1>")), reason: text("error: why") }),
            (12_000_000_002, Happening::Lost { events: 7 }),
            (12_000_000_003, Happening::Ended { reason: text("normal") }),
        ];
        let rows: Vec<_> = events.into_iter().map(|(at_ns, what)| row(&Traced { at_ns, what })).collect();
        let expected = [
            "   0.000002  arrived      u64 from <4.1>",
            "   0.000002  arrived      u64",
            "   0.002000  received     u64",
            "   1.000000  sent         a\\nb to <5.1>",
            "  12.000000  polled       900 ns, pending",
            "  12.000000  exit signal  error: why from <5.1>",
            "  12.000000  lost         7 events that there was no room for",
            "  12.000000  ended        normal",
        ];
        assert_eq!(rows, expected);
        let end = TraceEnd { pid: text("<4.1>"), events: 8, lost: 7, because: text("ended") };
        assert_eq!(summary(&end), "8 events of <4.1>, 7 lost: it has ended");
    }
}

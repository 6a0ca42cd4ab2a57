//! `ps`: processes, as a table.

use super::version::something_else;
use crate::answers::{Answer, Line};
use crate::client::PATIENCE;
use crate::context::Context;
use crate::counted::{Thing, counted};
use crate::failure::Failure;
use crate::which::Which;
use crate::{output, shown, table};
use runtime::protocol::{Command, Event, Outcome, ProcessStatus, Processes, Selection};
use std::time::Duration;

/// A million processes take their time on their way.
const ALL_PATIENCE: Duration = Duration::from_secs(600);
/// A type's name takes no more room in a table.
pub(super) const TYPE_LEN_MAX: usize = 60;

pub(super) fn ps(context: &Context, which: &Which, all: bool) -> Result<(), Failure> {
    if all {
        return everyone(context, which);
    }
    let command = Command::Processes { selection: which.selection() };
    let Outcome::Processes(listed) = context.connect()?.ask(command, PATIENCE)? else {
        return Err(something_else());
    };
    if context.json() {
        output::json(Answer::Processes(listed));
    } else {
        output::line(render(&listed, output::width()).trim_end());
    }
    Ok(())
}

/// As they come: one row, or one JSON object, a line.
fn everyone(context: &Context, which: &Which) -> Result<(), Failure> {
    let (as_json, width) = (context.json(), output::width().unwrap_or(usize::MAX));
    let selection = Selection { limit: None, ..which.selection() };
    let show = |event: Event| {
        if let Event::Processes { processes } = event {
            for process in processes {
                if as_json {
                    output::json(Line::Process(Box::new(process)));
                } else {
                    output::line(&shown::cut(&row(&process).join("  "), width));
                }
            }
        }
    };
    match context.connect()?.tell(Command::Processes { selection }, ALL_PATIENCE, show)? {
        None => {}
        Some(Outcome::Processes(ended)) if as_json => output::json(Answer::Processes(ended)),
        Some(Outcome::Processes(Processes { total, matched, .. })) => {
            output::note(&format!("{matched} of {}", counted(total, Thing::Process)));
        }
        Some(_) => return Err(something_else()),
    }
    Ok(())
}

const HEAD: [&str; 9] = ["PID", "STATE", "CPU", "POLLS", "MEMORY", "MAILBOX", "UPTIME", "VERSION", "TYPE"];

/// In a table that is no wider than that.
pub(super) fn processes(processes: &[ProcessStatus], width: Option<usize>) -> String {
    /// Polls, uptime, memory, mailbox, version, processor time, state.
    const LEAST: [usize; 7] = [3, 6, 4, 5, 7, 2, 1];
    table::within(HEAD, &processes.iter().map(row).collect::<Vec<_>>(), &LEAST, width)
}

fn render(listed: &Processes, width: Option<usize>) -> String {
    let shown = listed.processes.len() as u64;
    let of = if shown == listed.total {
        counted(listed.total, Thing::Process)
    } else {
        format!("{shown} of {}", counted(listed.total, Thing::Process))
    };
    let matched = if listed.matched == listed.total { String::new() } else { format!(", {} match", listed.matched) };
    format!("{}{of}{matched}\n", processes(&listed.processes, width))
}

fn row(process: &ProcessStatus) -> [String; 9] {
    [
        process.pid.clone(),
        process.state.clone(),
        shown::time(process.cpu_ns),
        process.polls.to_string(),
        shown::size(process.memory_bytes),
        process.mailbox.to_string(),
        shown::duration(process.uptime_ms),
        process.version.clone(),
        what(process),
    ]
}

/// Names before the type: they say more.
pub(super) fn what(process: &ProcessStatus) -> String {
    let kind = shown::cut(&process.process_type, TYPE_LEN_MAX);
    if process.names.is_empty() { kind } else { format!("{} ({kind})", shown::cut(&process.names.join(" "), 40)) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::commands) fn process(pid: &str, state: &str, names: &[&str]) -> ProcessStatus {
        ProcessStatus {
            pid: pid.to_owned(),
            names: names.iter().map(ToString::to_string).collect(),
            process_type: "example_app::session::Session".to_owned(),
            version: "0.1.1+3f2a91bc".to_owned(),
            state: state.to_owned(),
            current: None,
            cpu_percent: None,
            cpu_ns: 1_500_000_000,
            polls: 12,
            memory_bytes: 1536,
            mailbox: 3,
            received: 9,
            uptime_ms: 61_000,
            links: 1,
            monitors: 2,
            monitored_by: 3,
            parent: Some("<1.1>".to_owned()),
            priority: "normal".to_owned(),
        }
    }

    #[test]
    fn the_table_names_each_process() {
        let processes = vec![process("<4.1>", "long runner", &[]), process("<12.3>", "waiting", &["door", "desk"])];
        let expected = "\
PID     STATE        CPU    POLLS  MEMORY   MAILBOX  UPTIME   VERSION         TYPE
<4.1>   long runner  1.5 s  12     1.5 KiB  3        1 m 1 s  0.1.1+3f2a91bc  example_app::session::Session
<12.3>  waiting      1.5 s  12     1.5 KiB  3        1 m 1 s  0.1.1+3f2a91bc  door desk (example_app::session::Session)
2 of 40 processes, 7 match
";
        assert_eq!(render(&Processes { total: 40, matched: 7, processes }, None), expected);
    }
}

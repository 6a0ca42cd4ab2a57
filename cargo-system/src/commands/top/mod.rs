//! `top`: who uses the processors. Measured once, or on a terminal again and again.

mod live;
mod view;

use super::ps::what;
use super::version::something_else;
use crate::answers::Answer;
use crate::client::{Client, PATIENCE};
use crate::context::Context;
use crate::counted::{Thing, counted};
use crate::failure::Failure;
use crate::which::Which;
use crate::{output, shown, table};
use runtime::protocol::{Command, Outcome, ProcessStatus, Selection, Top};
use std::io::{self, IsTerminal as _};
use std::time::Duration;

pub(super) fn top(context: &Context, which: &Which, once: bool, interval: Duration) -> Result<(), Failure> {
    let is_live = !once && !context.json() && io::stdin().is_terminal() && io::stdout().is_terminal();
    if is_live && !output::is_dumb() {
        return live::watch(context, which, interval);
    }
    let top = measure(&mut context.connect()?, which.selection(), interval)?;
    if context.json() {
        output::json(Answer::Top(top));
    } else {
        output::line(render(&top, output::width()).trim_end());
    }
    Ok(())
}

/// So many of the first are shown with their functions: more than that nobody reads at once.
const FUNCTIONS_MAX: u32 = 50;

fn measure(client: &mut Client, selection: Selection, interval: Duration) -> Result<Top, Failure> {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    let functions = selection.limit.unwrap_or(0).min(FUNCTIONS_MAX);
    match client.ask(Command::Top { interval_ms, functions, selection }, interval + PATIENCE)? {
        Outcome::Top(top) => Ok(top),
        _ => Err(something_else()),
    }
}

/// The line above the table.
fn summary(top: &Top) -> String {
    format!(
        "{}, {} busy; processes use {:.1} %, schedulers {:.1} % of {} × 100 %",
        counted(top.total, Thing::Process),
        top.busy,
        top.processes_percent,
        top.schedulers_percent,
        top.schedulers_online
    )
}

const HEAD: [&str; 8] = ["PID", "CPU %", "MEMORY", "MAILBOX", "STATE", "VERSION", FUNCTION, "TYPE"];
const FUNCTION: &str = "FUNCTION";
/// A narrower terminal has no room for functions.
const WIDTH_OF_FUNCTIONS: usize = 60;

fn row(process: &ProcessStatus) -> [String; 8] {
    [
        process.pid.clone(),
        shown::percent(process.cpu_percent),
        shown::size(process.memory_bytes),
        process.mailbox.to_string(),
        process.state.clone(),
        process.version.clone(),
        shown::cut(process.current.as_deref().unwrap_or_default(), 40),
        what(process),
    ]
}

/// Shares, in a table that is no wider than that.
pub(super) fn processes(processes: &[ProcessStatus], width: Option<usize>) -> String {
    /// Mailbox, version, memory, state, and the function at the last.
    const LEAST: [usize; 5] = [3, 5, 2, 4, 6];
    let rows: Vec<_> = processes.iter().map(row).collect();
    let left_out = if has_functions(processes, width) { None } else { HEAD.iter().position(|head| *head == FUNCTION) };
    table::without(left_out, HEAD, &rows, &LEAST, width)
}

/// Whether there are any, and room for them.
fn has_functions(processes: &[ProcessStatus], width: Option<usize>) -> bool {
    width.is_none_or(|width| width >= WIDTH_OF_FUNCTIONS) && processes.iter().any(|process| process.current.is_some())
}

fn render(top: &Top, width: Option<usize>) -> String {
    format!("{}\n{}", summary(top), processes(&top.processes, width))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::ps::tests::process;
    use super::*;

    pub(in crate::commands) fn top_of_two() -> Top {
        let mut first = process("<4.1>", "long runner", &[]);
        first.cpu_percent = Some(98.76);
        let mut second = process("<12.3>", "waiting", &["door"]);
        second.cpu_percent = Some(0.0);
        Top {
            interval_us: 1_000_000,
            schedulers_percent: 101.0,
            processes_percent: 99.5,
            schedulers_online: 2,
            total: 10_001,
            matched: 10_001,
            busy: 3,
            processes: vec![first, second],
        }
    }

    #[test]
    fn functions_are_shown_where_there_is_room_for_them() {
        let mut top = top_of_two();
        top.processes[0].current = Some("count sum.rs:7".to_owned());
        let wide = render(&top, Some(120));
        assert!(wide.contains("FUNCTION        TYPE") && wide.contains("count sum.rs:7"), "{wide}");
        let narrow = render(&top, Some(59));
        assert!(!narrow.contains("FUNCTION") && narrow.contains("TYPE"), "{narrow}");
        assert!(render(&top, Some(60)).contains("FUNCTION"));
    }

    #[test]
    fn the_table_has_the_greatest_share_first() {
        let expected = "\
10001 processes, 3 busy; processes use 99.5 %, schedulers 101.0 % of 2 × 100 %
PID     CPU %  MEMORY   MAILBOX  STATE        VERSION         TYPE
<4.1>   98.8   1.5 KiB  3        long runner  0.1.1+3f2a91bc  example_app::session::Session
<12.3>  0.0    1.5 KiB  3        waiting      0.1.1+3f2a91bc  door (example_app::session::Session)
";
        assert_eq!(render(&top_of_two(), None), expected);
    }
}

//! `top`: who uses the processors. Measured once, or on a terminal again and again.

mod live;
mod view;

use super::ps::what;
use super::version::something_else;
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
        output::json(&Outcome::Top(top));
    } else {
        output::line(render(&top, output::width()).trim_end());
    }
    Ok(())
}

fn measure(client: &mut Client, selection: Selection, interval: Duration) -> Result<Top, Failure> {
    let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
    match client.ask(Command::Top { interval_ms, selection }, interval + PATIENCE)? {
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

const HEAD: [&str; 7] = ["PID", "CPU %", "MEMORY", "MAILBOX", "STATE", "VERSION", "TYPE"];

fn row(process: &ProcessStatus) -> [String; 7] {
    [
        process.pid.clone(),
        shown::percent(process.cpu_percent),
        shown::size(process.memory_bytes),
        process.mailbox.to_string(),
        process.state.clone(),
        process.version.clone(),
        what(process),
    ]
}

/// Shares, in a table that is no wider than that.
pub(super) fn processes(processes: &[ProcessStatus], width: Option<usize>) -> String {
    /// Mailbox, version, memory, state.
    const LEAST: [usize; 4] = [3, 5, 2, 4];
    table::within(HEAD, &processes.iter().map(row).collect::<Vec<_>>(), &LEAST, width)
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

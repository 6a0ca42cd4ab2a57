//! Processes, the first so many of them, by what one asks for.

use super::{NoProcess, Pace};
use crate::image;
use crate::process::{Handle, NoPid, Pid, Priority, table};
use crate::protocol::{ProcessStatus, Processes, Selection, Sort};
use crate::scheduler::{self, Activity, Rate};
use std::cmp::Reverse;
use std::time::Duration;

/// No more are sorted and listed at once.
const LIMIT_MAX: u32 = 10_000;
/// Rows that go out together when all are listed.
const BATCH: usize = 500;

/// The process of a pid that somebody has typed.
pub(crate) fn find(pid: &str) -> Result<Handle, NoProcess> {
    let parsed: Pid = pid.parse().map_err(|NoPid| NoProcess::Malformed(shortened(pid)))?;
    table::find(parsed).filter(|process| process.state.is_alive()).ok_or_else(|| NoProcess::Gone(parsed.to_string()))
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Every process that is alive, in steps that hold up no scheduler.
pub(crate) fn walk(mut visit: impl FnMut(&Handle)) {
    let mut pace = Pace::new();
    for process in table::all() {
        visit(&process);
        drop(process);
        pace.step();
    }
}

/// The first ones by the selection.
pub(crate) fn list(selection: &Selection) -> Processes {
    let mut first = First::new(selection);
    let (mut total, mut matched, rate) = (0, 0, Rate::now());
    walk(|process| {
        total += 1;
        if matches(selection, process) {
            matched += 1;
            let cpu = scheduler::cpu(process, rate);
            first.offer(key(selection.sort, process, cpu), process.pid(), cpu);
        }
    });
    Processes { total, matched, processes: first.into_rows(|_, _| ()) }
}

/// All of them, in batches, as long as somebody takes them.
pub(crate) fn all<E>(
    selection: &Selection,
    mut give: impl FnMut(Vec<ProcessStatus>) -> Result<(), E>,
) -> Result<Processes, E> {
    let (mut total, mut matched, mut batch) = (0, 0, Vec::new());
    let mut pace = Pace::new();
    for process in table::all() {
        total += 1;
        if matches(selection, &process) {
            matched += 1;
            batch.push(row(&process));
            if batch.len() == BATCH {
                pace.rest();
                give(std::mem::take(&mut batch))?;
            }
        }
        pace.step();
    }
    drop(pace);
    if !batch.is_empty() {
        give(batch)?;
    }
    Ok(Processes { total, matched, processes: Vec::new() })
}

/// Whether the filter lets it through.
pub(super) fn matches(selection: &Selection, process: &Handle) -> bool {
    let Some(filter) = selection.filter.as_deref() else { return true };
    process.type_name().contains(filter)
        || process.image().version.contains(filter)
        || process.pid().to_string().contains(filter)
}

/// What a process is sorted by, greatest first. Reads no more than it needs: a million are asked.
pub(super) fn key(sort: Sort, process: &Handle, cpu: Duration) -> u64 {
    match sort {
        Sort::Cpu => u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX),
        Sort::Memory => process.shared.memory().max(0).unsigned_abs(),
        Sort::Mailbox => process.mailbox.len().into(),
        Sort::Polls => process.polls(),
        Sort::Uptime => scheduler::stamps_since(process.born()).into(),
        Sort::Pid => {
            let pid = process.pid();
            !(u64::from(pid.slot()) << 32 | u64::from(pid.generation()))
        }
    }
}

/// The greatest key first.
fn rank((key, pid, _): &(u64, Pid, Duration)) -> (Reverse<u64>, Pid) {
    (Reverse(*key), *pid)
}

/// The greatest of many, by a key; in twice their room.
#[derive(Debug)]
pub(super) struct First {
    limit: usize,
    /// What is below this is not among them.
    least: u64,
    found: Vec<(u64, Pid, Duration)>,
}

impl First {
    pub(super) fn new(selection: &Selection) -> Self {
        let limit = selection.limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX) as usize;
        Self { limit, least: 0, found: Vec::with_capacity(2 * limit) }
    }

    pub(super) fn offer(&mut self, key: u64, pid: Pid, cpu: Duration) {
        if key < self.least || self.limit == 0 {
            return;
        }
        self.found.push((key, pid, cpu));
        if self.found.len() >= 2 * self.limit {
            self.settle();
        }
    }

    /// Those that are among them so far, in no order: putting all in order would take longer than a step.
    fn settle(&mut self) {
        let Some(last) = self.limit.checked_sub(1).filter(|last| *last < self.found.len()) else { return };
        let (_, (key, ..), _) = self.found.select_nth_unstable_by_key(last, rank);
        self.least = *key;
        self.found.truncate(self.limit);
    }

    /// The greatest first, each with the time that it was offered with.
    pub(super) fn into_pids(mut self) -> impl Iterator<Item = (Pid, Duration)> {
        self.settle();
        self.found.sort_unstable_by_key(rank);
        self.found.into_iter().map(|(_, pid, cpu)| (pid, cpu))
    }

    /// The same for people, of those that still live, in steps; `add` knows what else there is to say.
    pub(super) fn into_rows(self, add: impl Fn(&mut ProcessStatus, Duration)) -> Vec<ProcessStatus> {
        let (mut pace, mut rows) = (Pace::new(), Vec::new());
        for (pid, cpu) in self.into_pids() {
            if let Some(mut row) = table::find(pid).map(|process| row(&process)) {
                add(&mut row, cpu);
                rows.push(row);
            }
            pace.step();
        }
        rows
    }
}

/// A process for people.
pub(crate) fn row(process: &Handle) -> ProcessStatus {
    let info = scheduler::info(process);
    let ties = process.fate.if_open(|books| {
        let names = books.names.iter().map(ToString::to_string).collect();
        (names, books.links.len(), books.watching.len(), books.watchers.len())
    });
    let (names, links, monitors, monitored_by) = ties.unwrap_or_default();
    ProcessStatus {
        pid: info.pid.to_string(),
        names,
        process_type: info.type_name.to_owned(),
        version: image::find(info.image).map_or(image::host().version, |image| image.version).to_owned(),
        state: state_name(info.activity).to_owned(),
        current: None,
        cpu_percent: None,
        cpu_ns: u64::try_from(info.cpu.as_nanos()).unwrap_or(u64::MAX),
        polls: info.polls,
        memory_bytes: info.memory,
        mailbox: info.mailbox,
        received: info.received,
        uptime_ms: u64::try_from(info.age.as_millis()).unwrap_or(u64::MAX),
        links: links as u64,
        monitors: monitors as u64,
        monitored_by: monitored_by as u64,
        parent: info.parent.map(|parent| parent.to_string()),
        priority: match info.priority {
            Priority::Low => "low",
            Priority::Normal => "normal",
            Priority::High => "high",
        }
        .to_owned(),
    }
}

pub(super) fn state_name(activity: Activity) -> &'static str {
    match activity {
        Activity::Waiting => "waiting",
        Activity::Runnable => "runnable",
        Activity::Running => "running",
        Activity::LongRunner => "long runner",
        Activity::Paused => "paused",
        Activity::Moving => "moving",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_in_order() {
        let selection = Selection { limit: Some(3), ..Selection::default() };
        let mut first = First::new(&selection);
        for number in 0..100_u64 {
            first.offer(number * 37 % 100, Pid::new(number as u32, 1), Duration::from_nanos(number * 37 % 100));
        }
        let kept: Vec<_> = first.into_pids().map(|(_, cpu)| cpu.as_nanos()).collect();
        assert_eq!(kept, [99, 98, 97]);
        let mut none = First::new(&Selection { limit: Some(0), ..Selection::default() });
        none.offer(1, Pid::new(1, 1), Duration::ZERO);
        assert_eq!(none.into_pids().count(), 0);
    }
}

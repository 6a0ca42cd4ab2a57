//! Who uses the processors: each process's share in an interval.
//!
//! The table is walked at both ends of the interval; what a process has used in between is the difference. A turn that runs is counted by
//! its thread's own clock once it is long, so that the shares sum to what the schedulers' threads have used.

use super::Pace;
use super::list::{First, key, matches, row};
use crate::process::{Pid, table};
use crate::protocol::{Selection, Top};
use crate::scheduler::{self, Rate};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a process had used at the beginning, by its slot: the generation, and nanoseconds.
type Used = Vec<(u32, u64)>;

/// Measures for that long, while `goes_on` says so. `None`: it said no.
pub(crate) fn top(selection: &Selection, interval: Duration, goes_on: impl FnMut() -> bool) -> Option<Top> {
    let threads = threads();
    let begun = Instant::now();
    let before = used();
    wait(interval.saturating_sub(begun.elapsed()), goes_on)?;
    let took = begun.elapsed();
    let schedulers = since(&threads, &self::threads());
    Some(measure(selection, &before, took, schedulers))
}

fn wait(interval: Duration, mut goes_on: impl FnMut() -> bool) -> Option<()> {
    const LOOK: Duration = Duration::from_millis(20);
    let until = Instant::now() + interval;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Some(());
        }
        if !goes_on() {
            return None;
        }
        std::thread::sleep(left.min(LOOK));
    }
}

fn threads() -> HashMap<i32, Duration> {
    scheduler::thread_times().into_iter().collect()
}

/// A thread that has ended meanwhile has used little.
fn since(before: &HashMap<i32, Duration>, after: &HashMap<i32, Duration>) -> Duration {
    let used = |(thread, now): (&i32, &Duration)| now.saturating_sub(before.get(thread).copied().unwrap_or_default());
    after.iter().map(used).sum()
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn used() -> Used {
    let mut used = Used::new();
    let (mut pace, rate) = (Pace::new(), Rate::now());
    for process in table::all() {
        let (pid, slot) = (process.pid(), process.pid().slot() as usize);
        if used.len() <= slot {
            used.resize(slot + 1, (0, 0));
        }
        used[slot] = (pid.generation(), nanoseconds(scheduler::cpu(&process, rate)));
        pace.step();
    }
    used
}

fn used_before(before: &Used, pid: Pid) -> Duration {
    let known = before.get(pid.slot() as usize).filter(|(generation, _)| *generation == pid.generation());
    Duration::from_nanos(known.map_or(0, |(_, used)| *used))
}

fn measure(selection: &Selection, before: &Used, took: Duration, schedulers: Duration) -> Top {
    let mut first = First::new(selection);
    let (mut total, mut matched, mut busy, mut all) = (0, 0, 0, Duration::ZERO);
    let (mut pace, rate) = (Pace::new(), Rate::now());
    for process in table::all() {
        let pid = process.pid();
        let used = scheduler::cpu(&process, rate).saturating_sub(used_before(before, pid));
        total += 1;
        busy += u64::from(scheduler::is_busy(&process));
        all += used;
        if matches(selection, &process) {
            matched += 1;
            first.offer(key(selection.sort, &process, used), pid, used);
        }
        pace.step();
    }
    let percent = |used: Duration| 100.0 * used.as_secs_f64() / took.as_secs_f64().max(1e-9);
    let rows = first.into_pids().filter_map(|(pid, used)| {
        let mut row = row(&table::find(pid)?);
        row.cpu_percent = Some(percent(used));
        Some(row)
    });
    Top {
        interval_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        schedulers_percent: percent(schedulers),
        processes_percent: percent(all),
        schedulers_online: u32::try_from(scheduler::online()).unwrap_or(u32::MAX),
        total,
        matched,
        busy,
        processes: rows.collect(),
    }
}

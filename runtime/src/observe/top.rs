//! Who uses the processors: each process's share in an interval.
//!
//! The table is walked at both ends of the interval; what a process has used in between is the difference. A turn that runs is counted by
//! its thread's own clock once it is long, so that the shares sum to what the schedulers' threads have used.

use super::list::{First, key, matches, walk};
use crate::process::Pid;
use crate::protocol::{Selection, Top};
use crate::scheduler::{self, Rate};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What each process had used at the beginning, by its slot: the generation, and nanoseconds. In pages, as one list of a million would be moved as it
/// grows, in one step.
#[derive(Debug, Default)]
struct Used(Vec<Vec<(u32, u64)>>);

const PAGE_LEN: usize = 4096;

impl Used {
    fn put(&mut self, pid: Pid, used: Duration) {
        let (page, place) = (pid.slot() as usize / PAGE_LEN, pid.slot() as usize % PAGE_LEN);
        if self.0.len() <= page {
            self.0.resize_with(page + 1, Vec::new);
        }
        let page = &mut self.0[page];
        if page.is_empty() {
            page.resize(PAGE_LEN, (0, 0));
        }
        page[place] = (pid.generation(), u64::try_from(used.as_nanos()).unwrap_or(u64::MAX));
    }

    fn of(&self, pid: Pid) -> Duration {
        let (page, place) = (pid.slot() as usize / PAGE_LEN, pid.slot() as usize % PAGE_LEN);
        let known = self.0.get(page).and_then(|page| page.get(place));
        let known = known.filter(|(generation, _)| *generation == pid.generation());
        Duration::from_nanos(known.map_or(0, |(_, used)| *used))
    }
}

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

fn used() -> Used {
    let (mut used, rate) = (Used::default(), Rate::now());
    walk(|process| used.put(process.pid(), scheduler::cpu(process, rate)));
    used
}

fn measure(selection: &Selection, before: &Used, took: Duration, schedulers: Duration) -> Top {
    let mut first = First::new(selection);
    let (mut total, mut matched, mut busy, mut all) = (0, 0, 0, Duration::ZERO);
    let rate = Rate::now();
    walk(|process| {
        let pid = process.pid();
        let used = scheduler::cpu(process, rate).saturating_sub(before.of(pid));
        total += 1;
        busy += u64::from(scheduler::is_busy(process));
        all += used;
        if matches(selection, process) {
            matched += 1;
            first.offer(key(selection.sort, process, used), pid, used);
        }
    });
    let percent = |used: Duration| 100.0 * used.as_secs_f64() / took.as_secs_f64().max(1e-9);
    Top {
        interval_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        schedulers_percent: percent(schedulers),
        processes_percent: percent(all),
        schedulers_online: u32::try_from(scheduler::online()).unwrap_or(u32::MAX),
        total,
        matched,
        busy,
        processes: first.into_rows(|row, used| row.cpu_percent = Some(percent(used))),
    }
}

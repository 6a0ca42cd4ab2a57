//! A profile: stacks, sampled so many times a second, and counted.
//!
//! ```text
//! looks (the client's thread, on time) ─ snapshots, BACKLOG at the most ─► gatherer (a thread behind others): unwound, counted by address
//!                                          └ full: counted as missed                      └ at the end, each address is named once
//! ```
//!
//! Who uses no processor is in no stack. All is bounded: time, looks, snapshots under way, and what is counted (`gather.rs`).

mod gather;

use super::NoProcess;
use super::list::find;
use super::stack::go_behind_others;
use crate::image;
use crate::process::{Handle, Pid};
use crate::protocol::{Profile, ProfileTarget};
use crate::scheduler::{Sighting, Survey};
use gather::Gathered;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Snapshots, of 64 KiB at the most each, that wait to be unwound.
const BACKLOG: usize = 64;
const HZ_MAX: u32 = 1_000;
const TIME_MAX: Duration = Duration::from_secs(600);

/// Whom to profile.
#[derive(Clone, Debug)]
enum Whom {
    One(Handle),
    Image(u64, &'static str),
    All,
}

/// What the looks came to.
#[derive(Debug, Default)]
struct Looks {
    looks: u64,
    samples: u64,
    missed: u64,
    cost: Duration,
    cost_max: Duration,
}

/// Looks for so long, while `goes_on` says so. `None`: it said no.
pub(crate) fn profile(
    target: &ProfileTarget,
    time: Duration,
    hz: u32,
    goes_on: impl FnMut() -> bool,
) -> Result<Option<Profile>, NoProcess> {
    let whom = Whom::of(target)?;
    let (time, hz) = (time.min(TIME_MAX), hz.clamp(1, HZ_MAX));
    let unreadable = |error: std::io::Error| NoProcess::Unreadable(whom.to_string(), error.to_string());
    let begun = Instant::now();
    let (looks, gathered) = std::thread::scope(|scope| {
        let (give, given) = sync_channel(BACKLOG);
        let gather = move || gather(&given);
        let gatherer = std::thread::Builder::new().name("profile".to_owned()).spawn_scoped(scope, gather)?;
        let looks = look(&whom, time, hz, &give, goes_on);
        drop(give);
        let gathered = gatherer.join().map_err(|_| std::io::Error::other("a stack cannot be read"))??;
        Ok((looks, gathered))
    })
    .map_err(unreadable)?;
    Ok(looks.map(|looks| summary(&whom, hz, begun.elapsed(), &looks, gathered)))
}

fn gather(given: &Receiver<Sighting>) -> std::io::Result<Gathered> {
    go_behind_others();
    let mut gathered = Gathered::new()?;
    for sighting in given {
        gathered.add(&sighting);
    }
    gathered.name();
    Ok(gathered)
}

fn look(
    whom: &Whom,
    time: Duration,
    hz: u32,
    give: &SyncSender<Sighting>,
    mut goes_on: impl FnMut() -> bool,
) -> Option<Looks> {
    let (begun, period) = (Instant::now(), Duration::from_secs(1) / hz);
    let (mut survey, mut looks) = (Survey::new(period), Looks::default());
    let mut due = begun;
    while begun.elapsed() < time && whom.is_there() {
        let mut missed = 0;
        missed += survey.look(
            |pid, image| whom.is(pid, image.context.id),
            |sighting| {
                let cost = sighting.snapshot.cost;
                match give.try_send(sighting) {
                    Ok(()) => looks.count(cost),
                    Err(_) => missed += 1,
                }
            },
        );
        looks.looks += 1;
        looks.missed += missed as u64;
        if !goes_on() {
            return None;
        }
        // A look that comes late takes the place of those that it has kept from being.
        due = (due + period).max(Instant::now());
        std::thread::sleep(due.saturating_duration_since(Instant::now()).max(period / 2));
    }
    Some(looks)
}

fn summary(whom: &Whom, hz: u32, took: Duration, looks: &Looks, gathered: Gathered) -> Profile {
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    Profile {
        of: whom.to_string(),
        hz,
        time_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        looks: looks.looks,
        samples: looks.samples,
        missed: looks.missed,
        dropped: gathered.dropped,
        has_ended: !whom.is_there(),
        cost_mean_ns: nanoseconds(looks.cost) / looks.samples.max(1),
        cost_max_ns: nanoseconds(looks.cost_max),
        functions: gathered.functions,
        stacks: gathered.named,
    }
}

impl Looks {
    fn count(&mut self, cost: Duration) {
        self.samples += 1;
        self.cost += cost;
        self.cost_max = self.cost_max.max(cost);
    }
}

impl Whom {
    fn of(target: &ProfileTarget) -> Result<Self, NoProcess> {
        match target {
            ProfileTarget::Node => Ok(Self::All),
            ProfileTarget::Process(pid) => find(pid).map(Self::One),
            ProfileTarget::Version(version) => {
                let found = image::all().into_iter().find(|image| image.version == version);
                let found = found.ok_or_else(|| NoProcess::NoVersion(version.chars().take(100).collect()))?;
                Ok(Self::Image(found.context.id, found.version))
            }
        }
    }

    fn is(&self, pid: Pid, image: u64) -> bool {
        match self {
            Self::One(process) => process.pid() == pid,
            Self::Image(wanted, _) => *wanted == image,
            Self::All => true,
        }
    }

    fn is_there(&self) -> bool {
        !matches!(self, Self::One(process) if !process.state.is_alive())
    }
}

impl std::fmt::Display for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::One(process) => process.pid().fmt(f),
            Self::Image(_, version) => f.write_str(version),
            Self::All => f.write_str("the node"),
        }
    }
}

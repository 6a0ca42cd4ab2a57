//! What becomes of the processes that stay on a version that is not current any more, when they do not finish by themselves.
//!
//! ```text
//! left behind ─ they finish in their time ─► gone
//!      └─ the deadline of the release that took over ─┬─ leave ─► they finish when they do
//!                                                     ├─ ask ───► an exit signal, `shutdown`, once each: who traps it may go on
//!                                                     └─ kill ──► each, and whoever they start
//! ```
//!
//! It begins with the commit: on probation, all may go back. It ends when nobody is left, or when the version is current again.

use crate::image::Image;
use crate::log;
use crate::process::{Handle, Pid, Reason, table};
use crate::protocol::{DrainPolicy, OnDrain};
use crate::release::settings::Settings;
use crate::scheduler;
use parking_lot::Mutex;
use plugin_abi::abi::{EXIT_SHUTDOWN, IMAGE_DRAINING, LOG_ERROR, LOG_WARN};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often those that are left are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long they may take, and what then.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Drain {
    until: Instant,
    policy: DrainPolicy,
    types: BTreeMap<String, DrainPolicy>,
}

/// The versions that do not drain for ever, by their images' numbers.
static DRAINS: Mutex<Option<HashMap<u64, Drain>>> = Mutex::new(None);

/// Begins to drain a version, as the release wishes that has taken over.
pub(super) fn begin(image: &'static Image, settings: &Settings) {
    if !settings.ends_drains() {
        return;
    }
    let drain = Drain {
        until: Instant::now() + settings.drain_deadline(),
        policy: settings.drain,
        types: settings.drain_types.clone(),
    };
    DRAINS.lock().get_or_insert_default().insert(image.context.id, drain.clone());
    let thread = std::thread::Builder::new().name("drain".to_owned());
    if let Err(error) = thread.spawn(move || run(image, &drain)) {
        let message = format!("{} drains without an end: the system gives no thread: {error}", image.version);
        log::host(LOG_ERROR, "upgrade", &message);
    }
}

/// How a version drains, for people.
pub(crate) fn status(image: &Image) -> Option<OnDrain> {
    let drain = entry(image)?;
    let left = drain.until.saturating_duration_since(Instant::now());
    Some(OnDrain { then: drain.policy, in_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX) })
}

fn entry(image: &Image) -> Option<Drain> {
    DRAINS.lock().as_ref()?.get(&image.context.id).cloned()
}

/// Unless another one has begun since.
fn forget(image: &Image, drain: &Drain) {
    if let Some(drains) = &mut *DRAINS.lock()
        && drains.get(&image.context.id) == Some(drain)
    {
        drains.remove(&image.context.id);
    }
}

fn run(image: &'static Image, drain: &Drain) {
    let mut told = HashSet::new();
    let is_draining = || image.processes.get() > 0 && image.context.state.load(Ordering::SeqCst) == IMAGE_DRAINING;
    while is_draining() && entry(image).as_ref() == Some(drain) {
        if Instant::now() >= drain.until {
            end(image, drain, &mut told);
        }
        std::thread::sleep(LOOK);
    }
    forget(image, drain);
}

/// Ends those that are left. `before`: who has been told before.
fn end(image: &'static Image, drain: &Drain, before: &mut HashSet<Pid>) {
    let (mut told, mut killed) = (0u64, 0u64);
    for process in table::of_image(image) {
        match policy_of(drain, &process) {
            DrainPolicy::Leave => {}
            DrainPolicy::Ask => {
                if before.insert(process.pid()) {
                    told += 1;
                    scheduler::signal(process.process(), None, Reason::of(EXIT_SHUTDOWN));
                }
            }
            DrainPolicy::Kill => {
                killed += u64::from(before.insert(process.pid()));
                scheduler::kill(process.process());
            }
        }
    }
    if told + killed > 0 {
        let message = format!("{}: its time to drain is up: {told} asked to stop, {killed} killed", image.version);
        log::host(LOG_WARN, "upgrade", &message);
    }
}

fn policy_of(drain: &Drain, process: &Handle) -> DrainPolicy {
    drain.types.get(process.type_name()).copied().unwrap_or(drain.policy)
}

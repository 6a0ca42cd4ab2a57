//! What becomes of the processes that stay on a version that is not current any more, when they do not finish by themselves.
//!
//! ```text
//! left behind ─ they finish in their time ─► gone
//!      └─ the deadline of the release that took over ─┬─ leave ─► they finish when they do
//!                                                     ├─ ask ───► an exit signal, `shutdown`, once each: who traps it may go on
//!                                                     └─ kill ──► each, and whoever they start
//! too old, by that release ──────────────────────────────────────► all are killed
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
    /// When nobody may be left; `None`: nobody is hurried for it.
    too_old: Option<Instant>,
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
        too_old: settings.live_age().map(|age| Instant::now() + age),
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
    // What comes first, or comes at all.
    let (then, at) = match drain.too_old {
        Some(too_old) if drain.policy == DrainPolicy::Leave || too_old < drain.until => (DrainPolicy::Kill, too_old),
        _ => (drain.policy, drain.until),
    };
    let left = at.saturating_duration_since(Instant::now());
    Some(OnDrain { then, in_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX) })
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
    let mut told = Told::default();
    let is_draining = || image.processes.get() > 0 && image.context.state.load(Ordering::SeqCst) == IMAGE_DRAINING;
    while is_draining() && entry(image).as_ref() == Some(drain) {
        if drain.is_too_old() || Instant::now() >= drain.until {
            end(image, drain, &mut told);
        }
        std::thread::sleep(LOOK);
    }
    forget(image, drain);
}

/// Who has been told before.
#[derive(Default)]
struct Told {
    to_stop: HashSet<Pid>,
    killed: HashSet<Pid>,
}

/// Ends those that are left.
fn end(image: &'static Image, drain: &Drain, before: &mut Told) {
    let (mut told, mut killed) = (0u64, 0u64);
    for process in table::of_image(image) {
        match drain.policy_of(&process) {
            DrainPolicy::Leave => {}
            DrainPolicy::Ask => {
                if before.to_stop.insert(process.pid()) {
                    told += 1;
                    scheduler::signal(process.process(), None, Reason::of(EXIT_SHUTDOWN));
                }
            }
            DrainPolicy::Kill => {
                killed += u64::from(before.killed.insert(process.pid()));
                scheduler::kill(process.process());
            }
        }
    }
    if told + killed > 0 {
        let message = format!("{}: its time to drain is up: {told} asked to stop, {killed} killed", image.version);
        log::host(LOG_WARN, "upgrade", &message);
    }
}

impl Drain {
    fn is_too_old(&self) -> bool {
        self.too_old.is_some_and(|too_old| Instant::now() >= too_old)
    }

    fn policy_of(&self, process: &Handle) -> DrainPolicy {
        if self.is_too_old() {
            return DrainPolicy::Kill;
        }
        self.types.get(process.type_name()).copied().unwrap_or(self.policy)
    }
}

//! The node's log: what processes and the node say, structured, on its way to stderr or files, and kept for who asks.
//!
//! ```text
//! emit (who says it) ─► level? ─► flood? ─► queue ─► writer, a thread of its own ─► stderr or files
//!                        no: nothing  │ counted   │ full: counted                 └► ring ─► control socket
//! ```
//!
//! Who says something waits for nobody: a terminal that is held, or a full disk, holds no scheduler. Bounded: the queue, the texts of an event,
//! the ring, the files. What is left out for that is counted, and the count is said.

mod event;
mod files;
mod flood;
mod level;
mod ring;
mod writer;

pub(crate) use event::{Said, StackOf, level_of};
pub use files::FilesMax;

use crate::protocol::{LogLevel, Logged};
use crossbeam_queue::ArrayQueue;
use flood::{Floods, Key, SAID_MAX};
use level::Levels;
use parking_lot::{Mutex, RwLock};
use ring::Ring;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

const QUEUE_LEN: usize = 8192;
/// How long an ending node waits for a reader that holds its log.
const FLUSH_WAIT: Duration = Duration::from_secs(2);
/// No more than one stack in this time.
const STACK_EVERY_MS: u64 = 500;
const FLUSH_LOOK: Duration = Duration::from_millis(1);

/// How and where the log is written.
#[derive(Clone, Debug, Default)]
pub struct LogConfig {
    /// On stderr: JSON, a line each, instead of text for people.
    pub json: bool,
    /// Into files, always as JSON, instead of stderr.
    pub files: Option<FilesMax>,
    /// `[MODULE=]LEVEL`, one after the other.
    pub levels: Vec<String>,
}

/// Where events go.
#[derive(Debug)]
enum Output {
    Stderr { json: bool },
    Files { folder: PathBuf, max: FilesMax },
}

struct Log {
    levels: RwLock<Levels>,
    floods: Floods,
    queue: OnceLock<ArrayQueue<Said>>,
    ring: Mutex<Ring>,
    writer: OnceLock<Option<Thread>>,
    output: OnceLock<Output>,
    /// The writer is about to wait, and wants to be woken.
    is_idle: AtomicBool,
    /// The writer shall write all there is, and what it has counted.
    is_flushing: AtomicBool,
    begun: OnceLock<Instant>,
    /// The next crash's stack is copied from then on, in milliseconds since it begun.
    next_stack_ms: AtomicU64,
    counts: Counts,
}

/// What has become of events.
#[derive(Debug)]
struct Counts {
    written: AtomicU64,
    /// The queue was full.
    dropped: AtomicU64,
    /// Of those, what is not said yet.
    dropped_unsaid: AtomicU64,
    repeated: AtomicU64,
    unwritten: AtomicU64,
}

/// What has become of events, for metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    /// They are in the log.
    pub(crate) written: u64,
    /// They are not, as too many came at once.
    pub(crate) dropped: u64,
    /// They are in it as a number: so many times more.
    pub(crate) repeated: u64,
    /// They are not in its files, which could not be written.
    pub(crate) unwritten: u64,
}

static LOG: Log = Log::new();

impl Log {
    const fn new() -> Self {
        Self {
            levels: RwLock::new(Levels::new()),
            floods: Floods::new(),
            queue: OnceLock::new(),
            ring: Mutex::new(Ring::new()),
            writer: OnceLock::new(),
            output: OnceLock::new(),
            is_idle: AtomicBool::new(false),
            is_flushing: AtomicBool::new(false),
            begun: OnceLock::new(),
            next_stack_ms: AtomicU64::new(0),
            counts: Counts {
                written: AtomicU64::new(0),
                dropped: AtomicU64::new(0),
                dropped_unsaid: AtomicU64::new(0),
                repeated: AtomicU64::new(0),
                unwritten: AtomicU64::new(0),
            },
        }
    }
}

/// Says how the log is written, before anything is said. `folder` is for its files.
///
/// # Errors
/// A level that is not understood.
pub(crate) fn begin(config: &LogConfig, folder: PathBuf) -> Result<(), String> {
    set_levels(&config.levels)?;
    let output = config.files.map_or(Output::Stderr { json: config.json }, |max| Output::Files { folder, max });
    LOG.output.get_or_init(|| output);
    Ok(())
}

/// Says something for the node.
#[track_caller]
pub(crate) fn host(level: u32, target: &str, message: &str) {
    let place = std::panic::Location::caller();
    emit(Said::new(level, target, message, "", place.file(), place.line()));
}

/// Puts an event into the queue, if it is to be logged and is not one of a flood.
pub(crate) fn emit(mut said: Said) {
    if !is_logged(&said.target, said.level) {
        return;
    }
    let is_trouble = said.level <= LogLevel::Warn;
    if is_trouble {
        let key = Key::of((said.level, &said.file, said.line, &said.target, said.process_type));
        let count = LOG.floods.count(key);
        if count > SAID_MAX {
            LOG.counts.repeated.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Some(copy) = said.copy
            && count <= 1
            && may_copy_stack()
        {
            said.stack = copy();
        }
        said.key = Some(key);
    }
    if queue().push(said).is_err() {
        LOG.counts.dropped.fetch_add(1, Ordering::Relaxed);
        LOG.counts.dropped_unsaid.fetch_add(1, Ordering::Relaxed);
    }
    wake_writer();
}

/// To find names for a stack takes the writer some 100 ms, for which others wait in the queue: so it is not done all the time.
fn may_copy_stack() -> bool {
    let now = u64::try_from(LOG.begun.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX);
    let next = |after: u64| (now >= after).then_some(now + STACK_EVERY_MS);
    LOG.next_stack_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
}

/// Whether such an event is logged.
pub(crate) fn is_logged(target: &str, level: LogLevel) -> bool {
    LOG.levels.read().allows(target, level)
}

/// The levels, as directives.
pub(crate) fn levels() -> String {
    LOG.levels.read().to_string()
}

/// The most that anything logs, as `LOG_*`; 0: nothing does.
pub(crate) fn most() -> u32 {
    event::number_of(LOG.levels.read().most())
}

/// Sets what each `[MODULE=]LEVEL` says, one after the other.
///
/// # Errors
/// What is wrong with the first that is not understood; nothing has changed.
pub(crate) fn set_levels(directives: &[String]) -> Result<(), String> {
    let mut levels = LOG.levels.write();
    let mut changed = levels.clone();
    directives.iter().try_for_each(|directive| changed.set(directive))?;
    *levels = changed;
    Ok(())
}

/// Events from that number on, at the most `count`, oldest first; before them the number of the first, which is larger where some are not kept any
/// more.
pub(crate) fn events(number: u64, count: usize) -> (u64, Vec<Arc<Logged>>) {
    LOG.ring.lock().from(number, count)
}

pub(crate) fn totals() -> Totals {
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let counts = &LOG.counts;
    Totals {
        written: of(&counts.written),
        dropped: of(&counts.dropped),
        repeated: of(&counts.repeated),
        unwritten: of(&counts.unwritten),
    }
}

/// The log's files in that folder, oldest first.
#[must_use]
pub fn files_in(folder: &Path) -> Vec<PathBuf> {
    files::there(folder)
}

/// Waits until all is written, and what is counted is said, for a bounded time.
pub(crate) fn flush() {
    let until = Instant::now() + FLUSH_WAIT;
    if LOG.writer.get().is_none() {
        return;
    }
    LOG.is_flushing.store(true, Ordering::SeqCst);
    wake_writer();
    while LOG.is_flushing.load(Ordering::SeqCst) && Instant::now() < until {
        std::thread::sleep(FLUSH_LOOK);
    }
}

fn queue() -> &'static ArrayQueue<Said> {
    LOG.queue.get_or_init(|| ArrayQueue::new(QUEUE_LEN))
}

fn wake_writer() {
    let writer = LOG.writer.get_or_init(|| {
        let write = || writer::run(&LOG, queue());
        // Without a writer, events fill the queue and are dropped: the node goes on.
        let spawned = std::thread::Builder::new().name("log".to_owned()).spawn(write);
        spawned.ok().map(|thread| thread.thread().clone())
    });
    if LOG.is_idle.swap(false, Ordering::SeqCst)
        && let Some(writer) = writer
    {
        writer.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn event(message: &str) -> Logged {
        Said::new(3, "test", message, "", "", 0).into_logged()
    }

    #[test]
    fn what_is_said_is_there_for_who_asks_and_a_flood_is_counted() {
        let target = "log::tests::flood";
        let before = totals();
        for n in 0..1000 {
            host(plugin_abi::abi::LOG_ERROR, target, &format!("no disk {n}"));
        }
        host(plugin_abi::abi::LOG_INFO, target, "and more");
        host(plugin_abi::abi::LOG_DEBUG, target, "of no interest");
        flush();
        let own = |event: &Arc<Logged>| event.target == target;
        let said: Vec<_> = events(0, usize::MAX).1.into_iter().filter(own).collect();
        let repeated: u64 = said.iter().map(|event| event.repeated).sum();
        let errors = said.iter().filter(|event| event.level == LogLevel::Error && event.repeated == 0).count() as u64;
        assert_eq!(errors + repeated, 1000, "none is lost, {errors} are said");
        // The period may end in the middle of it.
        assert!(errors <= 3 * SAID_MAX && totals().repeated - before.repeated >= repeated);
        assert!(said.iter().any(|event| event.message == "and more"));
        assert!(said.iter().all(|event| event.level <= LogLevel::Info));
        assert!(said[0].file.as_deref().is_some_and(|file| file.ends_with("log/mod.rs")), "{:?}", said[0]);
    }
}

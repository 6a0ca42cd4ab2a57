//! Ties between processes, and the end of a process: monitors, links, exit signals.
//!
//! ```text
//! end ── future dropped ─► mailbox closed ─► books closed ─► names gone ─► dead ─► links and watchers hear
//! ```
//!
//! An end never runs another: a linked process gets a signal, which has it scheduled and ended by its own runner. So a chain or a
//! star of a million links needs no recursion, and each tie costs one look-up.
#![expect(unsafe_code, reason = "the runner ends a process: what it may touch is the process module's contract")]

use super::observe;
use super::seat;
use super::trace::{self, Happened};
use super::waker::{kill, wake};
use crate::io;
use crate::log;
use crate::process::{Down, Handle, Message, Open, Pid, Process, Pushed, Reason, exit_message, table};
use crate::registry;
use plugin_abi::abi::{EXIT_ERROR, EXIT_KILLED, EXIT_NOPROC, EXIT_NORMAL, EXIT_PANIC, LOG_WARN};
use std::sync::atomic::{AtomicU64, Ordering};

static REFERENCES: AtomicU64 = AtomicU64::new(1);
/// How many processes were killed.
static KILLS: AtomicU64 = AtomicU64::new(0);

/// See [`KILLS`].
pub(crate) fn kills() -> u64 {
    KILLS.load(Ordering::Relaxed)
}

/// How a process came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its future finished.
    Normally,
    /// Its future finished, for the reason in its books.
    ForReason,
    /// A signal ends it, for the reason in its books; or a kill.
    Killed,
}

/// Puts a notice, of a process's end or of its signal, into a mailbox and wakes its process, unless it is dead.
fn notify(process: &'static Process, from: Option<Pid>, notice: Message) {
    if trace::is_on() {
        trace::note(process.pid(), || Happened::Arrived(notice.type_name(), from));
    }
    if process.mailbox.push_notice(notice).is_ok_and(|pushed| pushed == Pushed::First) {
        wake(process);
    }
}

/// `watcher`, which is running, hears when `target` ends. Returns the reference.
pub(crate) fn monitor(watcher: &'static Process, target: Pid) -> u64 {
    let reference = REFERENCES.fetch_add(1, Ordering::Relaxed);
    let mut down = Some(Down::new(reference, target));
    if trace::is_on() {
        trace::note(watcher.pid(), || Happened::Monitors(target));
        trace::note(target, || Happened::MonitoredBy(watcher.pid()));
    }
    watcher.fate.open(|books| books.watching.insert(reference, target));
    let entered = table::find(target).and_then(|target| {
        target.fate.open(|books| down.take().map(|down| books.watchers.insert(reference, (watcher.pid(), down))))
    });
    if entered.is_none()
        && let Some(down) = down
    {
        watcher.fate.if_open(|books| books.watching.remove(&reference));
        notify(watcher, Some(target), down.into_message(&Reason::of(EXIT_NOPROC)));
    }
    reference
}

/// Takes a monitor back. False: there was none, or the target has ended: then its message has come or is coming.
pub(crate) fn demonitor(watcher: &'static Process, target: Pid, reference: u64) -> bool {
    if trace::is_on() {
        trace::note(watcher.pid(), || Happened::Demonitors(target));
    }
    let was_watching = watcher.fate.if_open(|books| books.watching.remove(&reference)).flatten().is_some();
    if let Some(target) = table::find(target) {
        target.fate.if_open(|books| {
            if books.watchers.get(&reference).is_some_and(|(pid, _)| *pid == watcher.pid()) {
                books.watchers.remove(&reference);
            }
        });
    }
    was_watching
}

/// `process`, which is running, and `other` hear of each other's end.
pub(crate) fn link(process: &'static Process, other: Pid) {
    let own = process.pid();
    if own == other {
        return;
    }
    note_both(own, other, Happened::Linked);
    process.fate.open(|books| books.links.insert(other, ()));
    let entered = table::find(other).and_then(|other| other.fate.open(|books| books.links.insert(own, ())));
    if entered.is_none() && process.fate.if_open(|books| books.links.remove(&other)).flatten().is_some() {
        signal(process, Some(other), Reason::of(EXIT_NOPROC));
    }
}

/// For those who listen to either of two.
fn note_both(one: Pid, other: Pid, happened: fn(Pid) -> Happened) {
    if trace::is_on() {
        trace::note(one, || happened(other));
        trace::note(other, || happened(one));
    }
}

/// Takes a link back.
pub(crate) fn unlink(process: &'static Process, other: Pid) {
    note_both(process.pid(), other, Happened::Unlinked);
    process.fate.if_open(|books| books.links.remove(&other));
    if let Some(other) = table::find(other) {
        other.fate.if_open(|books| books.links.remove(&process.pid()));
    }
}

/// An exit signal arrives.
pub(crate) fn signal(process: &'static Process, from: Option<Pid>, reason: Reason) {
    if trace::is_on() {
        trace::note(process.pid(), || Happened::ExitSignal(from, reason.clone()));
    }
    let mut reason = Some(reason);
    let is_own = from == Some(process.pid());
    let ends = process.fate.open(|books| {
        let ends = !books.traps_exits && (is_own || reason.as_ref().is_some_and(|reason| reason.code != EXIT_NORMAL));
        if ends && books.reason.is_none() {
            books.reason = reason.take();
        }
        (ends, books.traps_exits)
    });
    match ends {
        Some((true, _)) => {
            kill(process);
        }
        Some((false, true)) => {
            if let Some(reason) = reason {
                notify(process, from, exit_message(from, reason));
            }
        }
        Some((false, false)) | None => {}
    }
}

/// Ends a process: see the file's head.
///
/// # Safety
/// The caller is its runner, and gives the life reference away.
pub(super) unsafe fn end(process: &'static Process, ended: &Ended) {
    // SAFETY: by the contract; `end` is called once in a life.
    let destructors = || unsafe {
        process.drop_future();
        process.mailbox.close();
    };
    // The node's own processes run the node's own code.
    if process.image().context.id == 0 {
        destructors()
    } else {
        seat::in_plugin(destructors)
    }
    close(process, ended);
    // The life reference.
    drop(Handle::from_reference(process));
}

/// Ends a process whose thread was frozen: its future stays as it is, for ever.
pub(super) fn end_frozen(process: &'static Process) {
    io::abandon(process.pid().get());
    close(process, &Ended::Killed);
    // The life reference is kept: what the frozen thread has lent to others, such as its waker to a scoped thread, leads here.
    // Message destructors are the application's own and may take for ever: so they run where nobody waits.
    let destructors = move || {
        // SAFETY: its runner never runs again, and was stopped outside of the node's code; what it did before is seen, since its answer
        // was read. This acts in its place, once.
        unsafe { process.mailbox.close() };
    };
    if process.mailbox.len() == 0 {
        destructors();
    } else if let Err(error) = std::thread::Builder::new().name("undertaker".to_owned()).spawn(destructors) {
        let message = format!("{}: its mailbox stays as it is: the system gives no thread: {error}", process.pid());
        log::host(LOG_WARN, "reaper", &message);
    }
}

/// All but its future and its mailbox. Once in a life, by its runner or in its place.
fn close(process: &'static Process, ended: &Ended) {
    let mut books = process.fate.close();
    let pid = process.pid();
    if let Some(books) = &books {
        registry::forget(pid, &books.names, &books.groups);
    }
    let image = process.image();
    image.processes.add(-1);
    // Who is tied to nobody has no books, and ends all the same.
    let reason = reason(ended, books.as_mut().and_then(|books| books.reason.take()));
    if trace::is_on() {
        trace::note(pid, || Happened::Ended(reason.clone()));
    }
    process.state.end();
    if matches!(reason.code, EXIT_PANIC | EXIT_ERROR) {
        image.crashes.add(1);
    }
    if reason.code == EXIT_KILLED {
        KILLS.fetch_add(1, Ordering::Relaxed);
    }
    observe::tell(pid, &reason);
    if let Some(books) = books {
        tell(pid, &reason, *books);
    }
}

fn reason(ended: &Ended, noted: Option<Reason>) -> Reason {
    match ended {
        Ended::Normally => Reason::of(EXIT_NORMAL),
        Ended::ForReason => noted.unwrap_or(Reason::of(EXIT_NORMAL)),
        Ended::Killed => noted.unwrap_or(Reason::of(EXIT_KILLED)),
    }
}

/// All who are tied to a process that has ended hear of it.
fn tell(pid: Pid, reason: &Reason, books: Open) {
    for (reference, target) in books.watching {
        if let Some(target) = table::find(target) {
            target.fate.if_open(|theirs| theirs.watchers.remove(&reference));
        }
    }
    for (other, ()) in books.links {
        let Some(other) = table::find(other) else { continue };
        if other.fate.if_open(|theirs| theirs.links.remove(&pid)).flatten().is_some() {
            signal(other.process(), Some(pid), reason.clone());
        }
    }
    for (reference, (watcher, down)) in books.watchers {
        let Some(watcher) = table::find(watcher) else { continue };
        if watcher.fate.if_open(|theirs| theirs.watching.remove(&reference)).flatten().is_some() {
            notify(watcher.process(), Some(pid), down.into_message(reason));
        }
    }
}

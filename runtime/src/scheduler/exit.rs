//! Monitors, and the end of a process.
#![expect(unsafe_code, reason = "the runner ends a process: what it may touch is the process module's contract")]

use super::waker::wake;
use crate::process::{Down, Handle, Pid, Process, table};
use plugin_abi::abi::{EXIT_NOPROC, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};

static REFERENCES: AtomicU64 = AtomicU64::new(1);

/// `watcher`, which is running, hears when `target` ends. Returns the reference.
pub(crate) fn monitor(watcher: &'static Process, target: Pid) -> u64 {
    let reference = REFERENCES.fetch_add(1, Ordering::Relaxed);
    let mut down = Some(Down::new(reference, target));
    // First in the watcher's own book: the target's end then always finds something to strike out.
    watcher.fate.open(|books| books.watching.insert(reference, target));
    let entered = table::find(target).and_then(|target| {
        target.fate.open(|books| down.take().map(|down| books.watchers.insert(reference, (watcher.pid(), down))))
    });
    if entered.is_none()
        && let Some(down) = down
    {
        watcher.fate.if_open(|books| books.watching.remove(&reference));
        // The watcher is running, so its mailbox is open.
        drop(watcher.mailbox.push(down.into_message(EXIT_NOPROC, None)));
        wake(watcher);
    }
    reference
}

/// Takes a monitor back.
pub(crate) fn demonitor(watcher: &'static Process, target: Pid, reference: u64) {
    watcher.fate.if_open(|books| books.watching.remove(&reference));
    if let Some(target) = table::find(target) {
        target.fate.if_open(|books| {
            if books.watchers.get(&reference).is_some_and(|(pid, _)| *pid == watcher.pid()) {
                books.watchers.remove(&reference);
            }
        });
    }
}

/// Ends a process: its future goes, then its mailbox, then its watchers hear.
///
/// # Safety
/// The caller is its runner, and gives the life reference away.
pub(crate) unsafe fn end(process: &'static Process, reason: ExitCode) {
    // SAFETY: by the contract; `end` is called once in a life.
    unsafe {
        process.drop_future();
        process.mailbox.close();
    }
    let books = process.fate.close();
    process.image().processes.add(-1);
    process.state.end();
    drop(Handle::from_reference(process));
    let Some(books) = books else { return };
    for (reference, target) in books.watching {
        if let Some(target) = table::find(target) {
            target.fate.if_open(|theirs| theirs.watchers.remove(&reference));
        }
    }
    for (reference, (watcher, down)) in books.watchers {
        let Some(watcher) = table::find(watcher) else { continue };
        if watcher.fate.if_open(|theirs| theirs.watching.remove(&reference)).flatten().is_some()
            && watcher.mailbox.push(down.into_message(reason, books.detail.as_ref())).is_ok()
        {
            wake(watcher.process());
        }
    }
}

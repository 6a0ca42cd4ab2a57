//! Threads of the node's own that wait for the end of a process: they have no mailbox to hear of it in.

use crate::process::{Pid, Reason};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// How many there are: an end looks no further when there are none.
static COUNT: AtomicUsize = AtomicUsize::new(0);
static OBSERVERS: Mutex<Vec<(Pid, SyncSender<Reason>)>> = Mutex::new(Vec::new());

/// Hears how a process ends that does not run yet.
#[derive(Debug)]
pub(crate) struct Observer {
    pid: Pid,
    end: Receiver<Reason>,
}

impl Observer {
    pub(crate) fn of(pid: Pid) -> Self {
        let (tell, end) = sync_channel(1);
        OBSERVERS.lock().push((pid, tell));
        COUNT.fetch_add(1, Ordering::SeqCst);
        Self { pid, end }
    }

    /// Of which process.
    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    /// How it ended, if it has; waits for it until then.
    pub(crate) fn ended_by(&self, deadline: std::time::Instant) -> Option<Reason> {
        self.end.recv_timeout(deadline.saturating_duration_since(std::time::Instant::now())).ok()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        OBSERVERS.lock().retain(|(pid, _)| *pid != self.pid);
        COUNT.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A process has ended.
pub(super) fn tell(pid: Pid, reason: &Reason) {
    if COUNT.load(Ordering::SeqCst) == 0 {
        return;
    }
    if let Some((_, observer)) = OBSERVERS.lock().iter().find(|(observed, _)| *observed == pid) {
        // There is room for the one end that a process has.
        let _: Result<(), _> = observer.try_send(reason.clone());
    }
}

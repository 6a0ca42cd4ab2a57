//! Stopping in order: listeners close, processes hear of it and finish, what is left after the grace is killed.

use crate::control::StopRequest;
use crate::image;
use crate::log;
use crate::process::table;
use crate::scheduler;
use crate::upgrade::Versions;
use plugin_abi::abi::{IMAGE_STOPPING, LOG_INFO, LOG_WARN};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Grace of a stop by signal.
const SIGNAL_GRACE: Duration = Duration::from_secs(10);
/// How long killed processes may take to go: a poll that does not return keeps its process.
const KILL_GRACE: Duration = Duration::from_secs(1);
/// How long a client may take to hear that the node has stopped.
const TELL_WAIT: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// SIGINT and SIGTERM stop the node in order; the second one ends it at once.
pub(super) fn on_signals(stop: SyncSender<StopRequest>) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let listen = move || {
        for (count, signal) in signals.forever().enumerate() {
            let is_first = count == 0;
            if !is_first || stop.try_send(request()).is_err() {
                log::host(LOG_WARN, "node", "a second signal: ending at once");
                log::flush();
                std::process::exit(128 + signal);
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(drop)
}

/// The wish of somebody who does not wait for the answer.
pub(super) fn request() -> StopRequest {
    let (stopped, _) = sync_channel(1);
    let (_, told) = sync_channel(0);
    StopRequest { grace: SIGNAL_GRACE, stopped, told }
}

/// Waits for the wish, then stops; calls `begins` between.
pub(super) fn serve_until_stopped(requests: &Receiver<StopRequest>, versions: &Versions, begins: impl FnOnce()) {
    // The senders live in the control server and the signal thread, for as long as the node.
    let Ok(request) = requests.recv() else { return };
    begins();
    log::host(LOG_INFO, "node", &format!("stopping; processes have {:?} to finish", request.grace));
    versions.stop();
    versions.listeners().lock().close_all();
    for image in image::all() {
        image.set_state(IMAGE_STOPPING);
    }
    table::all().for_each(|process| scheduler::wake(process.process()));
    if !wait_until_empty(request.grace) {
        let left = processes();
        log::host(LOG_WARN, "node", &format!("processes that did not finish in time and are killed: {left}"));
        image::all().into_iter().flat_map(table::of_image).for_each(|process| {
            scheduler::kill(process.process());
        });
        if !wait_until_empty(KILL_GRACE) {
            log::host(LOG_WARN, "node", &format!("processes that still run and end with the node: {}", processes()));
        }
    }
    scheduler::stop();
    // Nobody may wait for the answer any more; who does, is told before the node ends.
    let _: Result<(), _> = request.stopped.try_send(());
    let _: Result<(), _> = request.told.recv_timeout(TELL_WAIT);
}

fn processes() -> u64 {
    image::all().iter().map(|image| image.processes.get()).sum()
}

fn wait_until_empty(grace: Duration) -> bool {
    let until = Instant::now() + grace;
    while processes() > 0 {
        if Instant::now() >= until {
            return false;
        }
        std::thread::sleep(LOOK);
    }
    true
}

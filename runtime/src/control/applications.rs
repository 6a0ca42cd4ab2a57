//! Requests of the node's own applications, which come by the host's table: some of what operators may ask, over a socket pair.
//!
//! An application looks, and ends processes, as its own code could anyway. It neither upgrades nor stops the node it runs in: those wait for processes, and
//! may wait for the one that asks.

use super::connection;
use super::places::Place;
use super::server::Controlled;
use crate::protocol::Command;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Begins a talk, and returns the application's end of it, non-blocking. `None`: so many go on already.
pub(crate) fn open_inside(controlled: &Arc<Controlled>) -> io::Result<Option<OwnedFd>> {
    let Some(place) = Place::of_application() else { return Ok(None) };
    let (own, theirs) = UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    let controlled = Arc::clone(controlled);
    std::thread::Builder::new().name("inside".to_owned()).spawn(move || {
        let _place = place;
        connection::serve_inside(&own, &controlled);
    })?;
    Ok(Some(theirs.into()))
}

/// Whether an application may ask for it.
pub(super) fn may_ask(command: &Command) -> bool {
    match command {
        Command::Ping
        | Command::Status
        | Command::Processes { .. }
        | Command::Info { .. }
        | Command::Top { .. }
        | Command::Tree
        | Command::Kill { .. }
        | Command::Stack { .. }
        | Command::Trace { .. }
        | Command::History { .. } => true,
        Command::Profile { .. }
        | Command::Metrics
        | Command::Log { .. }
        | Command::LogLevel { .. }
        | Command::Console
        | Command::Upgrade { .. }
        | Command::Plan { .. }
        | Command::PlanRollback { .. }
        | Command::Rollback { .. }
        | Command::Confirm
        | Command::Stop { .. } => false,
    }
}

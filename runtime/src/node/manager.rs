//! What a service manager hears of the node, as systemd's `sd_notify(3)` says it: datagrams to the socket that `NOTIFY_SOCKET` names.
//!
//! ```text
//! READY=1 ─► serves ─ upgrade ─► RELOADING=1 ─ its end, whatever it is ─► READY=1
//!              ├ WATCHDOG=1, twice in WATCHDOG_USEC, as long as the schedulers make progress
//!              └ STOPPING=1
//! ```
//!
//! Without that variable nothing is said. A manager that does not listen keeps nobody: a datagram that does not fit is not sent. What it has missed
//! last is said again in place of a sign of life, since it would wait for the end of an upgrade.

use crate::listen;
use crate::log;
use crate::scheduler::Progress;
use crate::upgrade;
use parking_lot::Mutex;
use plugin_abi::abi::LOG_WARN;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// Of the time between two signs of life, so much is waited to look again for progress that was not there.
const AGAIN: u32 = 10;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Manager {
    socket: UnixDatagram,
    address: SocketAddr,
    /// The last that was said, if it was not heard. Locked while something is said: what is said later is heard later.
    missed: Mutex<Option<String>>,
}

impl Manager {
    /// The one that has started the node, if there is one that wants to hear of it.
    pub(super) fn find() -> Option<Arc<Self>> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        match Self::at(&name) {
            Ok(manager) => Some(Arc::new(manager)),
            Err(error) => {
                let name = name.display();
                log::host(LOG_WARN, "node", &format!("the service manager's socket {name} cannot be used: {error}"));
                None
            }
        }
    }

    fn at(name: &OsStr) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address, missed: Mutex::new(None) })
    }

    /// It serves.
    pub(super) fn ready(&self) {
        let version = listen::current().map_or("nothing", |running| &running.version);
        self.say(format!("READY=1\nSTATUS=serves {version}"));
    }

    /// It is about to stop.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1\nSTATUS=stops".to_owned());
    }

    /// From here on upgrades are told.
    pub(super) fn tell_upgrades(self: &Arc<Self>) {
        let manager = Arc::clone(self);
        upgrade::set_on_change(move |change| match change {
            upgrade::Change::Begins(release) => {
                let now = monotonic_us();
                manager.say(format!("RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=upgrades to {release}"));
            }
            upgrade::Change::Ends => manager.ready(),
        });
    }

    /// From here on it hears that the schedulers make progress, if it wants to.
    pub(super) fn tell_progress(self: &Arc<Self>) {
        let Some(interval) = watchdog_interval() else { return };
        let manager = Arc::clone(self);
        let tell = move || {
            let mut progress = Progress::new();
            loop {
                std::thread::sleep(interval);
                while !progress.is_made() {
                    std::thread::sleep(interval / AGAIN);
                }
                manager.beat();
            }
        };
        if let Err(error) = std::thread::Builder::new().name("watchdog".to_owned()).spawn(tell) {
            log::host(LOG_WARN, "node", &format!("the service manager will hear no sign of life: {error}"));
        }
    }

    fn say(&self, state: String) {
        let mut missed = self.missed.lock();
        let sent = self.send(&state);
        *missed = sent.is_err().then_some(state);
        drop(missed);
        complain(sent);
    }

    /// Says that all is well, or what was missed. Whoever hears that knows that the node lives, and hears the rest next time.
    fn beat(&self) {
        let mut missed = self.missed.lock();
        let sent = self.send(missed.as_deref().unwrap_or("WATCHDOG=1"));
        if sent.is_ok() {
            *missed = None;
        }
        drop(missed);
        complain(sent);
    }

    fn send(&self, state: &str) -> Result<(), String> {
        let sent = self.socket.send_to_addr(state.as_bytes(), &self.address);
        sent.map(drop).map_err(|error| format!("the service manager does not hear {state:?}: {error}"))
    }
}

fn complain(sent: Result<(), String>) {
    if let Err(complaint) = sent {
        log::host(LOG_WARN, "node", &complaint);
    }
}

/// Half of the time after which the manager gives the node up; `None`: it does not.
fn watchdog_interval() -> Option<Duration> {
    let variable = |name| std::env::var(name).ok();
    let own = std::process::id().to_string();
    if variable("WATCHDOG_PID").is_some_and(|pid| pid != own) {
        return None;
    }
    let time = Duration::from_micros(variable("WATCHDOG_USEC")?.parse().ok()?);
    (!time.is_zero()).then_some(time / 2)
}

/// The clock that the manager compares with.
fn monotonic_us() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec * 1_000_000 + now.tv_nsec / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_a_path_or_an_abstract_name_and_a_full_one_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let of_path = UnixDatagram::bind(&path).expect("bound");
        let name = format!("cargo-system-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name.as_bytes()).expect("a name");
        let of_name = UnixDatagram::bind_addr(&address).expect("bound");
        for (name, socket) in [(path.into_os_string(), of_path), (format!("@{name}").into(), of_name)] {
            let manager = Manager::at(&name).expect("an address");
            manager.stopping();
            let mut heard = [0; 64];
            let len = socket.recv(&mut heard).expect("heard");
            assert_eq!(&heard[..len], b"STOPPING=1\nSTATUS=stops");
            (0..10_000).for_each(|_| manager.beat());
            // What does not fit any more is said later, however often it does not.
            manager.stopping();
            manager.beat();
            socket.set_nonblocking(true).expect("set");
            let mut next = || {
                let len = socket.recv(&mut heard).ok()?;
                Some(String::from_utf8_lossy(&heard[..len]).into_owned())
            };
            assert_eq!(next().as_deref(), Some("WATCHDOG=1"));
            manager.beat();
            assert_eq!(std::iter::from_fn(&mut next).last().as_deref(), Some("STOPPING=1\nSTATUS=stops"));
            manager.beat();
            assert_eq!(next().as_deref(), Some("WATCHDOG=1"));
        }
        assert!(Manager::at(OsStr::new(&"x".repeat(200))).is_err());
    }
}

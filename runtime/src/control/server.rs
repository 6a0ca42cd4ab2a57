//! Listens on `<root>/run/control.sock`, for the node's own user alone.
//!
//! The folder is 0700 and the socket 0600; besides, the kernel says who is at the other end, and anybody but the node's
//! user and root is sent away. Each client has a thread; there are so many at the most (`places.rs`), and each is given
//! limited time to say what it wants and to take the answer.

use super::connection;
use super::places::{self, Place};
use crate::log;
use crate::protocol::{Failure, FailureKind};
use crate::upgrade::Versions;
use plugin_abi::abi::{LOG_ERROR, LOG_WARN};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long to wait for descriptors to come free.
const PAUSE: Duration = Duration::from_millis(100);

/// What a client can ask about and act on.
#[derive(Debug)]
pub(crate) struct Controlled {
    pub(crate) name: String,
    pub(crate) started: Instant,
    pub(crate) schedulers: usize,
    /// Where scrapers are answered, if they are.
    pub(crate) metrics: OnceLock<SocketAddr>,
    pub(crate) versions: Arc<Versions>,
    /// Asks the node to stop, with that grace. The answer comes when it is about to exit.
    pub(crate) stop: SyncSender<StopRequest>,
}

/// A wish that the node stop.
#[derive(Debug)]
pub(crate) struct StopRequest {
    pub(crate) grace: Duration,
    /// Hears when processes are gone.
    pub(crate) stopped: SyncSender<()>,
    /// Hears, or is hung up on, when the one who wished it has been told.
    pub(crate) told: Receiver<()>,
}

/// The bound socket. Removed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    path: PathBuf,
}

impl Server {
    /// Binds the socket and serves it on a thread. The caller holds the folder's lock: a socket there is a dead node's.
    pub(crate) fn start(path: &Path, controlled: &Arc<Controlled>) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let server = Self { path: path.to_owned() };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        let controlled = Arc::clone(controlled);
        std::thread::Builder::new().name("control".to_owned()).spawn(move || accept(&listener, &controlled))?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Another node's boot removes it too.
        let _: io::Result<()> = std::fs::remove_file(&self.path);
    }
}

fn accept(listener: &UnixListener, controlled: &Arc<Controlled>) {
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => welcome(stream, controlled),
            Err(error) => {
                log::host(LOG_WARN, "control", &format!("cannot accept: {error}; trying again in {PAUSE:?}"));
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn welcome(stream: UnixStream, controlled: &Arc<Controlled>) {
    let refused = |message: &str| connection::failure(FailureKind::Error, message);
    if let Err(reason) = check_peer(&stream) {
        log::host(LOG_WARN, "control", &format!("a client is sent away: {reason}"));
        // What runs here is nothing that it is told.
        let hint = Some("only the node's own user and root may control it".to_owned());
        return connection::turn_away(&stream, Failure { serving: None, hint, ..refused(&reason) });
    }
    let place = match Place::of_client() {
        Ok(place) => place,
        Err(reason) => return connection::turn_away(&stream, connection::hinted(&reason, places::FULL_HINT)),
    };
    let controlled = Arc::clone(controlled);
    let serve = move || {
        let _place = place;
        connection::serve(&stream, &controlled);
    };
    if let Err(error) = std::thread::Builder::new().name("control-client".to_owned()).spawn(serve) {
        log::host(LOG_ERROR, "control", &format!("the system gives no thread for a client: {error}"));
    }
}

fn check_peer(stream: &UnixStream) -> Result<(), String> {
    let peer =
        rustix::net::sockopt::socket_peercred(stream).map_err(|error| format!("its user is unknown: {error}"))?;
    let own = rustix::process::geteuid();
    if peer.uid == own || peer.uid.is_root() {
        Ok(())
    } else {
        Err(format!("user {} is neither this node's user nor root", peer.uid.as_raw()))
    }
}

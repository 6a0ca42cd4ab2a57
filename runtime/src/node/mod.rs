//! The node: boots the permanent release, serves until it is told to stop, and stops in order.
//!
//! ```text
//! locked ─► release read ─► schedulers ─► listening ─► control socket ─► serving ─► stopping ─► stopped
//! ```

mod boot;
mod describe;
mod detach;
mod error;
mod manager;
mod stop;

pub use crate::listen::ListenOverride;
pub use crate::log::{FilesMax, LogConfig, files_in as log_files};
pub use describe::describe;
pub use detach::detach;
pub use error::NodeError;

use crate::control::{self, Controlled, Server};
use crate::host::{self, Adoption};
use crate::image;
use crate::listen::{self, Listeners};
use crate::log;
use crate::metrics;
use crate::moving;
use crate::process::table;
use crate::release::history::{Attempt, Entry};
use crate::release::layout::Layout;
use crate::release::store::Store;
use crate::{scheduler, upgrade};
use manager::Manager;
use plugin_abi::abi::{LOG_INFO, LOG_WARN};
use rustix::process::{Resource, getrlimit, setrlimit};
use semver::Version;
use std::fs::{self, File, TryLockError};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// No node can have more processes alive at once.
pub const PROCESSES_MAX: u32 = table::PROCESSES_MAX;
/// The longest path that a Unix socket can have.
const SOCKET_PATH_MAX: usize = 107;

/// How to run a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The node's folder.
    pub root: PathBuf,
    /// Where to listen instead of where the application declares.
    pub listen: Vec<ListenOverride>,
    /// Scheduler threads; `None`: one a core.
    pub schedulers: Option<usize>,
    /// Where to answer scrapers of metrics; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// So many processes may be alive at once; `None`: [`PROCESSES_MAX`].
    pub processes_max: Option<u32>,
    /// How it logs.
    pub log: LogConfig,
    /// It has no terminal, and nobody to speak to once it serves: see [`detach()`].
    pub is_detached: bool,
}

/// Runs the node until it is stopped. One an OS process.
///
/// # Errors
/// What kept it from serving, or its application from starting. After it has served, stopping is no error.
pub fn run(config: NodeConfig) -> Result<(), NodeError> {
    let outcome = serve(config);
    log::flush();
    outcome
}

fn serve(config: NodeConfig) -> Result<(), NodeError> {
    let started = Instant::now();
    let store = Store::new(Layout::new(config.root));
    let _lock = lock(store.layout())?;
    log::begin(&config.log, store.layout().log()).map_err(NodeError::Log)?;
    image::set_log_level(log::most());
    let (name, release) = permanent(&store)?;
    recover(&store);
    raise_descriptor_limit();
    table::set_limit(config.processes_max.unwrap_or(PROCESSES_MAX));
    let (stop, stop_requests) = sync_channel(1);
    stop::on_signals(stop.clone()).map_err(NodeError::Signals)?;
    let schedulers = config.schedulers.unwrap_or_else(cores).clamp(1, 1024);
    scheduler::start(cores(), schedulers).map_err(NodeError::Threads)?;
    host::set_adopter(adopt);
    host::set_node(&name, started);
    boot::watch(stop.clone());
    moving::start();
    let socket = store.layout().socket();
    let versions = Arc::new(upgrade::boot(store, Listeners::new(config.listen), &release).map_err(NodeError::Boot)?);
    let (name_of, versions_of) = (name.clone(), Arc::clone(&versions));
    let metrics = OnceLock::new();
    let controlled = Arc::new(Controlled { name: name_of, started, schedulers, metrics, versions: versions_of, stop });
    let answering = Arc::clone(&controlled);
    host::set_inside(move || control::open_inside(&answering));
    serve_metrics(config.metrics, &controlled)?;
    let server = Server::start(&socket, &controlled).map_err(|source| NodeError::Socket { path: socket, source })?;
    log::host(
        LOG_INFO,
        "node",
        &format!("{name} {release} serves, {} ms after its start", started.elapsed().as_millis()),
    );
    let manager = Manager::find();
    if let Some(manager) = &manager {
        manager.tell_upgrades();
        manager.ready();
        manager.tell_progress();
    }
    if config.is_detached {
        detach::silence();
    }
    stop::serve_until_stopped(&stop_requests, &versions, || {
        if let Some(manager) = &manager {
            manager.stopping();
        }
    });
    drop(server);
    log::host(LOG_INFO, "node", "stopped");
    boot::outcome()
}

fn serve_metrics(address: Option<SocketAddr>, controlled: &Arc<Controlled>) -> Result<(), NodeError> {
    let Some(address) = address else { return Ok(()) };
    let counted = Arc::clone(controlled);
    let text = Arc::new(move || metrics::text(&control::status(&counted)));
    let bound = metrics::serve(address, text).map_err(|source| NodeError::Metrics { address, source })?;
    log::host(LOG_INFO, "node", &format!("metrics: http://{bound}/metrics"));
    // Set once, here.
    let _: Result<(), _> = controlled.metrics.set(bound);
    Ok(())
}

/// As many descriptors as the system allows: connections are processes, and there may be many.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused, the node has as many as before.
    let _: Result<(), _> = setrlimit(Resource::Nofile, limit);
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Makes the node's own folder and takes the lock that says that a node runs here. It is held until dropped.
fn lock(layout: &Layout) -> Result<File, NodeError> {
    let socket = layout.socket();
    let length = socket.as_os_str().len();
    if length > SOCKET_PATH_MAX {
        return Err(NodeError::SocketPath { path: socket, length });
    }
    let run = layout.run();
    let folder = |source| NodeError::Folder { path: layout.run(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&run).map_err(folder)?;
    fs::set_permissions(&run, fs::Permissions::from_mode(0o700)).map_err(folder)?;
    let file = File::options().create(true).truncate(false).write(true).open(layout.lock()).map_err(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(NodeError::Running { root: layout.root().to_owned() }),
        Err(TryLockError::Error(source)) => Err(folder(source)),
    }
}

/// Clears away what a node that died here before has left unfinished, and says so. What cannot be written now, on a full disk, is written later: it keeps
/// nobody from being served.
fn recover(store: &Store) {
    if let Err(error) = store.clean() {
        log::host(LOG_WARN, "node", &format!("what is left unfinished here is not cleared away: {error}"));
    }
    match store.recover() {
        Ok(None) => {}
        Ok(Some(Entry { attempt: Attempt { to, step, .. }, .. })) => {
            log::host(LOG_WARN, "node", &format!("a node died here while it upgraded to {to}, in the step {step}"));
            if store.remove_if_damaged(&to).unwrap_or(false) {
                let what = "is not whole on the disk, and is removed: put it here again";
                log::host(LOG_WARN, "node", &format!("the release {to} {what}"));
            }
        }
        Err(error) => {
            log::host(LOG_WARN, "node", &format!("a node died here, and the history has no word of it: {error}"))
        }
    }
}

fn permanent(store: &Store) -> Result<(String, Version), NodeError> {
    let none = || NodeError::NoRelease { root: store.layout().root().to_owned() };
    let manifest = store.permanent_manifest().map_err(|error| NodeError::Store(Box::new(error)))?.ok_or_else(none)?;
    Ok((manifest.name, manifest.version))
}

/// An idle connection of an old image goes on in the current one.
fn adopt(adoption: Adoption<'_>) -> Result<(), OwnedFd> {
    let serves = |running: &listen::Running| running.images.iter().any(|image| image.context.id == adoption.from);
    let is_elsewhere = listen::current().is_some_and(|running| !serves(running));
    if !is_elsewhere {
        return Err(adoption.fd);
    }
    let peer = rustix::net::getpeername(&adoption.fd).ok().flatten();
    let peer = peer.and_then(|peer| std::net::SocketAddr::try_from(peer).ok());
    let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
    match listen::name_now(adoption.from, adoption.listener) {
        Some(listener) => listen::serve(listener, adoption.fd, &peer, adoption.unread),
        None => Err(adoption.fd),
    }
}

//! A listening socket of the node's, and the process that accepts from it.
//!
//! The acceptor is a process of the host's own image: it takes what has come and starts, for each connection, a process on the
//! current image. So an upgrade changes nothing here: the next connection finds the next image, by the name that the socket has there. The socket closes when
//! the acceptor is killed, at the removal of the listener or the stop of the node.
//!
//! ```text
//! waiting ── readable ─► accepting (up to BATCH, then gives way) ── EAGAIN ─► waiting
//!                            └── no descriptors or memory left ─► pausing (PAUSE) ─► accepting
//! ```
#![expect(unsafe_code, reason = "a process of the host's own crosses the same ABI as a plugin's")]

use super::current::current;
use crate::image::{self, Image};
use crate::io as readiness;
use crate::log;
use crate::process::{Birth, Pid, Priority};
use crate::scheduler::{self, PROCESS_WAKER, Unstarted};
use crate::timer;
use crate::waker::Waker;
use plugin_abi::abi::{
    AbiWaker, IO_READ, LOG_ERROR, LOG_WARN, Opaque, POLL_PENDING, ProcessFuture, ProcessVtable, STATUS_OK, Slice,
    Status,
};
use rustix::io::Errno;
use rustix::net::{SocketFlags, acceptfrom_with, sockopt};
use std::ffi::c_void;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Connections taken in one turn.
const BATCH: u32 = 64;
/// How long to wait for descriptors to come free.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound socket with its name, and the process that is to accept from it, which has not begun: all that can fail is done.
#[derive(Debug)]
pub(crate) struct Bound {
    listener: Listener,
    /// `None`: it has begun.
    acceptor: Option<Unstarted>,
}

/// A socket that is accepted from.
#[derive(Clone, Debug)]
pub(crate) struct Listener {
    /// Its number: never given twice.
    pub(crate) socket: u64,
    pub(crate) name: String,
    /// As asked for.
    pub(crate) asked: SocketAddr,
    /// As bound.
    pub(crate) address: SocketAddr,
    acceptor: Pid,
}

#[derive(Debug)]
struct Acceptor {
    number: u64,
    /// What it was called first: for what nobody that serves calls it any more.
    name: String,
    socket: TcpListener,
    source: u64,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Bound {
    /// Binds a socket; nothing is accepted yet.
    ///
    /// # Errors
    /// It cannot be bound, or nobody can accept from it.
    pub(crate) fn bind(name: &str, asked: SocketAddr) -> io::Result<Self> {
        let socket = TcpListener::bind(asked)?;
        socket.set_nonblocking(true)?;
        let (number, address) = (NUMBERS.fetch_add(1, Ordering::Relaxed), socket.local_addr()?);
        let source = readiness::register(socket.as_fd(), 0)?;
        let acceptor = Box::new(Acceptor { number, name: name.to_owned(), socket, source });
        let future = ProcessFuture { data: Box::into_raw(acceptor).cast(), vtable: &raw const ACCEPTOR };
        let birth = Birth {
            image: image::host(),
            future,
            parent: None,
            priority: Priority::Normal,
            mailbox_limit: 0,
            born: scheduler::stamp(),
        };
        // SAFETY: `ACCEPTOR`'s functions take a boxed `Acceptor`; it is given away.
        let Some(acceptor) = (unsafe { scheduler::begin(&birth) }) else {
            // SAFETY: the future is ours still.
            unsafe { drop_acceptor(future.data) };
            return Err(io::Error::other("there are as many processes as the node may have"));
        };
        let (name, pid) = (name.to_owned(), acceptor.pid());
        Ok(Self {
            listener: Listener { socket: number, name, asked, address, acceptor: pid },
            acceptor: Some(acceptor),
        })
    }

    pub(crate) fn listener(&self) -> &Listener {
        &self.listener
    }

    /// Starts to accept.
    pub(crate) fn start(mut self) -> Listener {
        if let Some(acceptor) = self.acceptor.take() {
            acceptor.start();
        }
        self.listener.clone()
    }
}

/// Nobody wanted it after all: it ends without having accepted anything.
impl Drop for Bound {
    fn drop(&mut self) {
        if let Some(acceptor) = self.acceptor.take() {
            self.listener.close();
            acceptor.start();
        }
    }
}

impl Listener {
    /// Stops accepting and closes the socket, soon.
    pub(crate) fn close(&self) {
        if let Some(acceptor) = crate::process::table::find(self.acceptor) {
            scheduler::kill(acceptor.process());
        }
    }
}

static ACCEPTOR: ProcessVtable = ProcessVtable {
    size: size_of::<ProcessVtable>(),
    poll: poll_acceptor,
    drop: drop_acceptor,
    type_name: acceptor_name,
    message: ptr::null(),
    len: size_of::<Acceptor>(),
    state: None,
    drop_moved: drop_acceptor,
};

extern "C" fn acceptor_name() -> Slice {
    Slice::text("acceptor")
}

unsafe extern "C" fn poll_acceptor(data: Opaque, waker: *const c_void) -> u32 {
    // SAFETY: only `start` makes futures of this vtable, out of a boxed acceptor; the runner polls alone.
    let acceptor = unsafe { &*data.cast::<Acceptor>() };
    acceptor.turn(&AbiWaker { data: waker, vtable: &raw const PROCESS_WAKER });
    POLL_PENDING
}

unsafe extern "C" fn drop_acceptor(data: Opaque) -> Status {
    // SAFETY: as above; dropped once.
    drop(unsafe { Box::from_raw(data.cast::<Acceptor>()) });
    STATUS_OK
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        readiness::deregister(self.source);
    }
}

impl Acceptor {
    fn turn(&self, waker: &AbiWaker) {
        // SAFETY: the process's own waker, valid for the poll.
        let own = || unsafe { Waker::clone_of(waker) };
        for _ in 0..BATCH {
            let token = readiness::ready(self.source, IO_READ, 0, own);
            if token == 0 {
                return;
            }
            match acceptfrom_with(&self.socket, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok((socket, peer)) => self.connection(socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok())),
                Err(Errno::AGAIN) => readiness::clear(self.source, IO_READ, token),
                Err(Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::NETDOWN) => {}
                Err(error) => {
                    log::host(
                        LOG_WARN,
                        "listen",
                        &format!("{}: cannot accept: {error}; trying again in {PAUSE:?}", self.name),
                    );
                    let (_, deadline) = timer::start(PAUSE, own());
                    scheduler::timer_started(deadline);
                    return;
                }
            }
        }
        own().wake();
    }

    fn connection(&self, socket: OwnedFd, peer: Option<SocketAddr>) {
        // Small answers go out at once. A socket that cannot has been reset already; its process will find out.
        let _: Result<(), Errno> = sockopt::set_tcp_nodelay(&socket, true);
        let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
        let name = current().and_then(|running| running.route(self.number)).map_or(&self.name, |route| &route.name);
        if serve(name, socket, &peer, &[]).is_err() {
            log::host(
                LOG_ERROR,
                "listen",
                &format!("{name}: no process could be started for {peer}; the connection is closed"),
            );
        }
    }
}

/// Starts a process for a connection on the image that declares the listener, of what serves, or gives the socket back.
pub(crate) fn serve(listener: &str, socket: OwnedFd, peer: &str, unread: &[u8]) -> Result<(), OwnedFd> {
    let images = current().map(|running| running.images.as_slice()).unwrap_or_default();
    let declares = |image: &&'static Image| Some((*image, image.application()?, image.listener_index(listener)?));
    let Some((image, application, index)) = images.iter().find_map(declares) else { return Err(socket) };
    let future = application.accept(index, socket, peer, unread)?;
    // SAFETY: a future of this image, given away.
    if unsafe { scheduler::spawn(image, future) }.is_none() {
        // SAFETY: it is ours still; the socket closes with it.
        unsafe { ((*future.vtable).drop)(future.data) };
        log::host(LOG_ERROR, "listen", &format!("{listener}: the process limit is reached; a connection is closed"));
    }
    Ok(())
}

//! What serves: which images new processes start on, all of them behind one atomic pointer, so that a release takes effect as a whole.

use crate::image::{Declared, Image};
use parking_lot::RwLock;
use std::net::SocketAddr;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// A release that serves, or has served, with an image of each of its plugins. It is never freed.
#[derive(Debug)]
pub(crate) struct Running {
    /// The release's version.
    pub(crate) version: String,
    /// Each behind those that it needs, the application's own last.
    pub(crate) images: Vec<&'static Image>,
    /// Which of the node's sockets it listens on, and as what.
    pub(crate) routes: Vec<Route>,
}

/// A socket, by its number, as a release declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) socket: u64,
    /// The declared name.
    pub(crate) name: String,
    /// Where it was asked for.
    pub(crate) asked: SocketAddr,
}

impl Running {
    /// Is it an image of this release?
    pub(crate) fn has(&self, image: &Image) -> bool {
        self.images.iter().any(|own| ptr::eq(*own, image))
    }

    /// What a socket is to it.
    pub(crate) fn route(&self, socket: u64) -> Option<&Route> {
        self.routes.iter().find(|route| route.socket == socket)
    }

    /// What all of it listens on, the application's own first.
    pub(crate) fn listeners(&self) -> Vec<Declared> {
        self.images.iter().rev().flat_map(|image| image.listeners.iter().cloned()).collect()
    }
}

static CURRENT: AtomicPtr<Running> = AtomicPtr::new(ptr::null_mut());
/// All that have ever served, each once: they are few, and never freed.
static SERVED: RwLock<Vec<&'static Running>> = RwLock::new(Vec::new());
static FIRST: AtomicPtr<Running> = AtomicPtr::new(ptr::null_mut());

/// What serves; `None` before the first.
pub(crate) fn current() -> Option<&'static Running> {
    read(&CURRENT)
}

/// What served first: what the node has booted.
pub(crate) fn first() -> Option<&'static Running> {
    read(&FIRST)
}

/// What the socket is called now that an image knows by that name, which may have served before. `None`: nothing that serves has it.
pub(crate) fn name_now(image: u64, name: &str) -> Option<&'static str> {
    let served = SERVED.read();
    let mut own = served.iter().rev().filter(|running| running.images.iter().any(|own| own.context.id == image));
    let socket = own.find_map(|running| running.routes.iter().find(|route| route.name == name))?.socket;
    Some(&current()?.route(socket)?.name)
}

#[expect(unsafe_code, reason = "a reference through an atomic pointer")]
fn read(pointer: &AtomicPtr<Running>) -> Option<&'static Running> {
    // SAFETY: only `set_current` writes them, from a `&'static Running`.
    unsafe { pointer.load(Ordering::SeqCst).as_ref() }
}

/// New processes start on those images from here on.
pub(crate) fn set_current(running: &'static Running) {
    let mut served = SERVED.write();
    if !served.iter().any(|other| ptr::eq(*other, running)) {
        served.push(running);
    }
    drop(served);
    let running = ptr::from_ref(running).cast_mut();
    // The first of all stays.
    let _: Result<_, _> = FIRST.compare_exchange(ptr::null_mut(), running, Ordering::SeqCst, Ordering::SeqCst);
    CURRENT.store(running, Ordering::SeqCst);
}

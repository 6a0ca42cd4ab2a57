//! tokio's context: each image's own small tokio runtime, entered around each poll of a process and around its drop.
//!
//! Crates made for tokio ask the thread that polls them for a runtime: for a timer, a socket, a thread that may block. A node's
//! schedulers have none to give, since each image has a tokio of its own. So the image makes itself a runtime, which polls no
//! process: it watches time and sockets, and calls a process's waker from its own thread.
//!
//! ```text
//!         first poll of a process               its last holder is gone
//! none ────────────────────────────► running ────────────────────────────► none
//! ```
//!
//! Holders are the processes, each from its first poll to its end, and the *keeper*: a process of ours that ends when the image is
//! not current any more. It holds the runtime while no other process lives, and makes a drained image let go of it. An image that
//! becomes current again gets another keeper, and another runtime if it has let go of the first.
//!
//! Invariants:
//! - A process has one runtime all its life.
//! - Nothing waits for a runtime's end. Its tasks are dropped on its own threads; what blocks there goes on to its end, alone.
//! - The lock is not held while a process is spawned or a runtime ends: both come back here.

use crate::drain::{ImageState, draining, image_state};
use crate::ffi;
use crate::process::spawn_as;
use std::cell::OnceCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::{Builder, EnterGuard, Runtime};

/// So many calls may block at once; more wait for their turn.
const BLOCKING_THREADS_MAX: usize = 32;
/// How long a thread waits for another call that may block.
const BLOCKING_KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A running runtime; it ends with its last holder.
#[derive(Debug)]
pub(crate) struct Context(Option<Runtime>);

impl Context {
    /// # Panics
    /// When the system gives no thread or no descriptor: the process that needs them cannot run.
    fn new() -> Self {
        // One thread is enough to watch: what it wakes runs on the node's schedulers.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_keep_alive(BLOCKING_KEEP_ALIVE)
            .thread_name(format!("tokio {}", ffi::image_id()))
            .enable_all()
            .build();
        Self(Some(runtime.unwrap_or_else(|error| panic!("this image's tokio runtime cannot be made: {error}"))))
    }

    /// Until dropped, this thread has the context.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // The only way that is allowed everywhere, and that holds up no scheduler.
            runtime.shutdown_background();
        }
    }
}

/// A process's hold on the runtime, taken by its first poll.
#[derive(Debug, Default)]
pub(crate) struct Hold(OnceCell<Arc<Context>>);

impl Hold {
    /// For a poll.
    pub(crate) fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.get_or_init(join).enter()
    }

    /// For the drop of the process; to be held until it is dropped. One that was never polled makes no runtime.
    pub(crate) fn at_end(&self) -> Option<Arc<Context>> {
        self.0.get().cloned().or_else(running)
    }
}

/// Runs `act` with the context, if there is a runtime.
pub(crate) fn within<R>(act: impl FnOnce() -> R) -> R {
    let context = running();
    let _entered = context.as_ref().map(|context| context.enter());
    act()
}

/// What this image has.
struct Known {
    context: Weak<Context>,
    keeper: Weak<Keeper>,
}

/// What the keeper holds; also the name by which people know it.
struct Keeper(#[expect(dead_code, reason = "held, not used")] Arc<Context>);

static KNOWN: Mutex<Known> = Mutex::new(Known { context: Weak::new(), keeper: Weak::new() });

impl Known {
    fn context(&mut self) -> Arc<Context> {
        self.context.upgrade().unwrap_or_else(|| {
            let context = Arc::new(Context::new());
            self.context = Arc::downgrade(&context);
            context
        })
    }

    /// The keeper that the image needs and does not have.
    fn new_keeper(&mut self, context: &Arc<Context>) -> Option<Arc<Keeper>> {
        if image_state() != ImageState::Current || self.keeper.strong_count() > 0 {
            return None;
        }
        let keeper = Arc::new(Keeper(Arc::clone(context)));
        self.keeper = Arc::downgrade(&keeper);
        Some(keeper)
    }
}

/// A runtime that could not be made leaves things as they were, so a poisoned lock is as good as any.
fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn running() -> Option<Arc<Context>> {
    known().context.upgrade()
}

/// The image's runtime, which is made if there is none.
fn join() -> Arc<Context> {
    let mut known = known();
    let context = known.context();
    let keeper = known.new_keeper(&context);
    drop(known);
    if let Some(keeper) = keeper {
        // At the process limit there is none: the next process tries again.
        let _: Result<_, _> = spawn_as::<Keeper, _>(keep(keeper));
    }
    context
}

async fn keep(keeper: Arc<Keeper>) {
    draining().await;
    drop(keeper);
}

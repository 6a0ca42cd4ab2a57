//! A future as a process: one box with a [`Local`] in front of the future.

use super::host;
use super::local::Local;
use super::message::Takes;
use super::waker::with_process_waker;
use crate::abi::{
    Opaque, POLL_EXITED, POLL_KILLED, POLL_PENDING, POLL_READY, POLL_SUSPENDED, Pid, ProcessFuture, ProcessShared,
    ProcessVtable, STATUS_OK, STATUS_PANICKED, Slice, StateType, Status,
};
use crate::exit::{ExitReason, Outcome};
use crate::moving::{self, Arrival};
use crate::{alloc, checkpoint, panic};
use std::any::TypeId;
use std::cell::Cell;
use std::ffi::c_void;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

thread_local! {
    static CURRENT: Current = const {
        Current {
            local: Cell::new(ptr::null()),
            shared: Cell::new(ptr::null()),
            emptied: Cell::new(0),
            stack_limit: Cell::new(None),
        }
    };
}

const _: () = assert!(!std::mem::needs_drop::<Current>(), "it is there until its thread has ended");

/// The process that the thread polls: in one place, since each thread-local costs a call.
struct Current {
    local: Cell<*const Local>,
    /// For allocators. Set and reset together with `local`; also while a process is dropped.
    shared: Cell<*const ProcessShared>,
    /// The process, once its mailbox was seen empty in this poll; or 0.
    emptied: Cell<Pid>,
    /// As the host says; asked once.
    stack_limit: Cell<Option<usize>>,
}

/// What the current process and the node tell each other without a call; `None` outside of a poll. Allocates nothing. Not to be kept
/// beyond the poll. If the stack comes to its end, the process ends here.
#[inline]
pub(crate) fn shared() -> Option<&'static ProcessShared> {
    let current = |current: &Current| {
        // SAFETY: set by `poll` to the waker's data, which points to a `ProcessShared`, and null otherwise. The node never frees it: with
        // a `&'static` kept too long one would count for another process, and no more.
        let shared = unsafe { current.shared.get().as_ref() }?;
        let here = 0_u8;
        if current.stack_limit.get().is_some_and(|limit| (&raw const here).addr() < limit) {
            // Any call of the host ends the process, at a place where it holds no lock.
            host::self_pid();
        }
        Some(shared)
    };
    // A thread that ends has none.
    CURRENT.try_with(current).ok().flatten()
}

/// The current process's [`Local`]; `None` outside of a poll.
#[inline]
pub(crate) fn with_local<R>(act: impl FnOnce(&Local) -> R) -> Option<R> {
    let local = CURRENT.with(|current| current.local.get());
    // SAFETY: set by `poll` around the poll of a live process on this thread, and null otherwise.
    unsafe { local.as_ref() }.map(act)
}

/// The current process's [`Local`], and where it is noted that its mailbox was empty in this poll.
#[inline]
pub(super) fn with_mailbox<R>(act: impl FnOnce(&Local, &Cell<Pid>) -> R) -> Option<R> {
    CURRENT.with(|current| {
        // SAFETY: as above.
        let local = unsafe { current.local.get().as_ref() }?;
        Some(act(local, &current.emptied))
    })
}

#[repr(C)]
struct Process<F> {
    local: Local,
    future: F,
}

struct Vtable<N, T, F>(PhantomData<(N, T, F)>);

impl<N: 'static, T: Takes, F: Future<Output: Outcome> + Send + 'static> Vtable<N, T, F> {
    /// Of a process that stays on its image.
    const STAYING: &'static ProcessVtable = &Self::vtable(None);
    /// Of one that moves.
    const MOVING: &'static ProcessVtable = &Self::vtable(Some(state_type::<N>));

    const fn vtable(state: Option<unsafe extern "C" fn(*mut StateType)>) -> ProcessVtable {
        ProcessVtable {
            size: size_of::<ProcessVtable>(),
            poll: poll::<F>,
            drop: drop_process::<F>,
            type_name: type_name::<N>,
            message: T::MESSAGE,
            len: size_of::<Process<F>>(),
            state,
            drop_moved: drop_moved::<F>,
        }
    }
}

extern "C" fn type_name<N>() -> Slice {
    Slice::text(std::any::type_name::<N>())
}

unsafe extern "C" fn state_type<N: 'static>(out: *mut StateType) {
    let Some(moving) = moving::of_type(TypeId::of::<N>()) else { return };
    let (name, version) = (Slice::text(moving.chain.name), moving.chain.version);
    let filled = StateType { size: size_of::<StateType>(), name, version };
    // SAFETY: valid for a write of as many bytes as its size says.
    unsafe {
        let len = (*out).size.min(size_of::<StateType>());
        ptr::copy_nonoverlapping((&raw const filled).cast::<u8>(), out.cast::<u8>(), len);
    }
}

/// A process for the host, which takes it over. It takes messages of type `T`; people know it by the name of the type `N`, by which it also
/// moves, if that is among the types that do.
pub(crate) fn into_process<N: 'static, T: Takes, F: Future<Output: Outcome> + Send + 'static>(
    future: F,
) -> ProcessFuture {
    let process = Box::new(Process { local: Local::default(), future });
    // From here on it is the new process's.
    alloc::account(-alloc::bytes(size_of::<Process<F>>()));
    let moves = moving::of_type(TypeId::of::<N>()).is_some();
    let vtable = if moves { Vtable::<N, T, F>::MOVING } else { Vtable::<N, T, F>::STAYING };
    ProcessFuture { data: Box::into_raw(process).cast(), vtable }
}

/// Until its first poll, the process is on its way. For a process that was made just now.
pub(crate) fn set_arrival(process: &ProcessFuture, arrival: Arrival) {
    // SAFETY: `into_process` alone makes them, and begins them with a `Local`; nobody else has it yet.
    unsafe { &*process.data.cast::<Local>() }.set_arrival(arrival);
}

/// Until dropped, the thread polls that process.
#[must_use]
struct Polling {
    before: *const Local,
    charged: Charged,
}

impl Polling {
    #[inline]
    fn begin(local: &Local, shared: *const ProcessShared) -> Self {
        local.shared.set(shared);
        let charged = Charged::begin(shared);
        charged.current().emptied.set(0);
        Self { before: charged.current().local.replace(local), charged }
    }
}

impl Drop for Polling {
    #[inline]
    fn drop(&mut self) {
        self.charged.current().local.set(self.before);
        self.charged.current().emptied.set(0);
    }
}

/// Until dropped, what the thread allocates is charged there.
#[must_use]
struct Charged {
    /// This thread's; a pointer, so that the end does not look it up again, and so that it stays on this thread.
    current: *const Current,
    before: *const ProcessShared,
}

impl Charged {
    #[inline]
    fn begin(shared: *const ProcessShared) -> Self {
        CURRENT.with(|current| {
            if current.stack_limit.get().is_none() {
                current.stack_limit.set(Some(host::stack_limit()));
            }
            Self { current, before: current.shared.replace(shared) }
        })
    }

    fn current(&self) -> &Current {
        // SAFETY: of the thread that made it, which it does not leave; it needs no drop, so it is there until the thread has ended.
        unsafe { &*self.current }
    }
}

impl Drop for Charged {
    #[inline]
    fn drop(&mut self) {
        self.current().shared.set(self.before);
    }
}

unsafe extern "C" fn poll<F: Future<Output: Outcome>>(data: Opaque, waker: *const c_void) -> u32 {
    let process = data.cast::<Process<F>>();
    // SAFETY: the host passes what `into_process` made, to one thread at a time; the two fields are borrowed apart.
    let (local, future) = unsafe { (&(*process).local, &mut (*process).future) };
    // SAFETY: the box is never moved out of; the future is dropped in place.
    let future = unsafe { Pin::new_unchecked(future) };
    let _polling = Polling::begin(local, waker.cast());
    let poll = AssertUnwindSafe(|| {
        #[cfg(feature = "tokio")]
        let _context = local.tokio.enter();
        local.resume();
        local.wake_inner();
        // SAFETY: the host's waker data, borrowed for the call.
        unsafe {
            with_process_waker(waker, |waker| future.poll(&mut Context::from_waker(waker)).map(Outcome::into_reason))
        }
    });
    match catch_unwind(poll) {
        Ok(Poll::Pending) if local.is_suspended() => POLL_SUSPENDED,
        Ok(Poll::Pending) => POLL_PENDING,
        Ok(Poll::Ready(ExitReason::Normal)) => POLL_READY,
        Ok(Poll::Ready(reason)) => {
            host::set_exit(&reason);
            POLL_EXITED
        }
        Err(payload) if checkpoint::is_unwound(&*payload) => POLL_KILLED,
        Err(payload) => {
            host::set_exit(&ExitReason::Panic(panic::into_text(payload)));
            POLL_EXITED
        }
    }
}

unsafe extern "C" fn drop_process<F>(data: Opaque) -> Status {
    // SAFETY: the host passes what `into_process` made, once, after the last poll.
    let process = unsafe { Box::from_raw(data.cast::<Process<F>>()) };
    let _charged = Charged::begin(process.local.shared.get());
    // It may have ended before its first poll here: what has moved with it is its own all the same.
    if let Some(arrival) = process.local.take_arrival() {
        arrival.arrived();
    }
    drop_guarded(process)
}

unsafe extern "C" fn drop_moved<F>(data: Opaque) -> Status {
    // SAFETY: the host passes what `into_process` made, once, after the last poll.
    let process = unsafe { Box::from_raw(data.cast::<Process<F>>()) };
    // The process counts on its other image.
    let _charged = Charged::begin(ptr::null());
    // What came with a copy that is thrown away is another's until it is gone.
    let _arrival = process.local.take_arrival();
    moving::dropping(process.local.left_by(), || drop_guarded(process))
}

fn drop_guarded<F>(process: Box<Process<F>>) -> Status {
    let last = AssertUnwindSafe(move || {
        #[cfg(feature = "tokio")]
        let context = process.local.tokio.at_end();
        #[cfg(feature = "tokio")]
        let _entered = context.as_ref().map(|context| context.enter());
        drop(process);
    });
    match catch_unwind(last) {
        Ok(()) => STATUS_OK,
        Err(payload) => {
            panic::discard(payload);
            STATUS_PANICKED
        }
    }
}

/// Until dropped, what the thread allocates is charged to that process.
///
/// # Safety
/// Null, or valid for as long as the guard lives, and no other thread charges it.
pub(super) unsafe fn charged(shared: *const ProcessShared) -> impl Drop {
    Charged::begin(shared)
}

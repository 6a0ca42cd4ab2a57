//! Signal handlers: a thread is stopped where it is, and what would end the node ends one process. Platform-specific: Linux, x86-64.
//!
//! ```text
//! STOP    sent by who samples: copies the stack, and goes on;
//!         sent by a freezer: answers "busy", or notes where the thread is and waits for the verdict;
//!         sent by the rotation: pauses where it may be stopped in a plugin's code, until resumed, and resumes its successor;
//!         elsewhere goes on
//! SEGV    the stack is used up, in a plugin's code ─► fault noted, the thread waits for ever; anything else ─► the handler before ours
//! ABORT   `abort` was called, in a plugin's code ─► the same; anything else ─► the default, which ends the node
//! ```
//!
//! Handlers run between any two instructions, so they do only what is safe there: atomics of the thread's own [`Seat`], and raw system
//! calls. They run on a stack of their own, with all signals blocked; errno is not touched, since rustix calls the kernel itself.

#![expect(unsafe_code, reason = "signal handlers, which only libc installs")]

use super::phase::Question;
use super::sample::{self, Registers};
use super::seat::{FAULT_ABORT, FAULT_OVERFLOW, Seat};
use super::{reaper, rotation, seat};
use crate::image;
use libc::{c_int, c_void, siginfo_t, ucontext_t};
use rustix::thread::futex;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of a thread's stack for handlers: ours need little, one that was there before ours may need more.
const STACK_LEN: usize = 64 * 1024;
/// How far from the end of the stack a fault still is one of the stack: guard pages, and a probe beyond them.
const GUARD_LEN: usize = 64 * 1024;
/// So many words of the stack are between libc's `abort` and who has called it, at the most.
const CALLER_WITHIN: usize = 512;

/// What handled SIGSEGV and SIGBUS before: std, as a rule, which says what happened and ends the OS process.
static BEFORE: [OnceLock<libc::sigaction>; 2] = [const { OnceLock::new() }; 2];

/// The signal that stops a thread. One that neither libc nor profilers use.
fn stop_signal() -> c_int {
    libc::SIGRTMIN() + 9
}

/// Installs the handlers, once, for all threads.
pub(super) fn install() -> io::Result<()> {
    set(stop_signal(), stop as *const () as usize)?;
    let before = set(libc::SIGSEGV, fault as *const () as usize)?;
    BEFORE[0].get_or_init(|| before);
    let before = set(libc::SIGBUS, fault as *const () as usize)?;
    BEFORE[1].get_or_init(|| before);
    set(libc::SIGABRT, abort as *const () as usize).map(drop)
}

fn set(signal: c_int, handler: usize) -> io::Result<libc::sigaction> {
    // SAFETY: a `sigaction` of zeros is valid; `mask` is ours to write to.
    let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART;
    let mut before = MaybeUninit::zeroed();
    // SAFETY: valid pointers; the handlers are async-signal-safe, as the file's head says.
    let status = unsafe {
        libc::sigfillset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, before.as_mut_ptr())
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: filled by the call that worked.
    Ok(unsafe { before.assume_init() })
}

/// Gives this thread a stack for handlers, until [`release_stack`]. The next thread in its seat gets the same.
pub(super) fn prepare_thread(stack: &'static [AtomicU32]) {
    let stack = libc::stack_t { ss_sp: stack.as_ptr().cast_mut().cast(), ss_flags: 0, ss_size: size_of_val(stack) };
    // SAFETY: memory that is never freed and that no other living thread uses; refused, handlers run on the stack that std has made.
    unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
}

/// From here on, handlers on this thread run on its own stack: the other one is somebody else's soon. Not for a handler.
pub(super) fn release_stack() {
    let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
    // SAFETY: a valid pointer; no handler runs on this thread now.
    unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
}

/// A stack for handlers.
pub(super) fn make_stack() -> &'static [AtomicU32] {
    Box::leak((0..STACK_LEN / size_of::<AtomicU32>()).map(|_| AtomicU32::new(0)).collect())
}

/// Sends the stop signal. False: there is no such thread any more.
pub(super) fn send_stop(thread: i32) -> bool {
    // SAFETY: plain numbers; a thread that has ended is refused. The numbers are of this OS process, so no other can be hit.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, stop_signal()) == 0 }
}

extern "C" fn stop(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let Some(seat) = seat::own() else { return };
    copy_stack(seat, context);
    let Some(question) = seat.phase.question() else { return };
    let is_safe = !seat.is_in_host() && seat.process().is_some_and(|process| !process.shared.is_busy());
    note_place(seat, context);
    match question {
        Question::Pause => {
            if seat.phase.settle(is_safe && image::is_plugin_code(seat.pc.load(Ordering::Relaxed)))
                && let Some(successor) = seat.take_successor()
            {
                rotation::resume(successor);
            }
        }
        Question::Stop if seat.phase.answer(is_safe) => wake(seat.phase.word()),
        Question::Stop => return,
    }
    while let Some(now) = seat.phase.halted() {
        wait(seat.phase.word(), now);
    }
}

/// For whoever samples.
fn copy_stack(seat: &Seat, context: *mut c_void) {
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    let registers = unsafe { &(*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    let register = |index: c_int| registers[index as usize] as usize;
    let registers = Registers { pc: register(libc::REG_RIP), sp: register(libc::REG_RSP), fp: register(libc::REG_RBP) };
    // SAFETY: `answer` asks for aligned words from the thread's stack pointer to the end of its stack, which are mapped; what runs there
    // stands still, since this handler runs on its thread.
    sample::answer(seat, registers, |address| unsafe {
        ptr::with_exposed_provenance::<usize>(address).read_volatile()
    });
}

fn note_place(seat: &Seat, context: *mut c_void) {
    // SAFETY: the kernel passes a valid context to a handler with SA_SIGINFO.
    let registers = unsafe { &(*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    let register = |index: c_int| registers[index as usize] as usize;
    seat.pc.store(register(libc::REG_RIP), Ordering::Relaxed);
    seat.sp.store(register(libc::REG_RSP), Ordering::Relaxed);
    seat.result.store(register(libc::REG_RAX), Ordering::Relaxed);
}

/// It stands in libc: what people want to know is where the plugin has called it. Libc keeps no frame pointers, so that is the first address of
/// the plugin's code on the stack.
fn note_caller(seat: &Seat) {
    // None if that is a stack which the process has made for itself: nobody knows where that ends.
    let words = seat.words_from(seat.sp.load(Ordering::Relaxed)).take(CALLER_WITHIN);
    // SAFETY: aligned words from the thread's stack pointer to the end of its stack, which are mapped; what runs there stands still, since this
    // handler runs on its thread.
    let mut words = words.map(|address| unsafe { ptr::with_exposed_provenance::<usize>(address).read_volatile() });
    if let Some(caller) = words.find(|word| image::is_plugin_code(*word)) {
        seat.pc.store(caller, Ordering::Relaxed);
    }
}

extern "C" fn fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes valid information to a handler with SA_SIGINFO.
    let address = unsafe { (*info).si_addr() } as usize;
    if let Some(seat) = of_plugin() {
        let low = seat.stack_low.load(Ordering::Relaxed);
        if (low.saturating_sub(GUARD_LEN)..low + GUARD_LEN / 16).contains(&address) {
            note_place(seat, context);
            // Elsewhere, such as in a C library's allocator, a lock may be held that others need: then the node ends, loudly.
            if image::is_plugin_code(seat.pc.load(Ordering::Relaxed)) {
                end_here(seat, FAULT_OVERFLOW);
            }
        }
    }
    let before = &BEFORE[usize::from(signal == libc::SIGBUS)];
    chain(signal, info, context, before.get());
}

/// A fault that is not ours: the handler before ours has it, or the default.
fn chain(signal: c_int, info: *mut siginfo_t, context: *mut c_void, before: Option<&libc::sigaction>) {
    if let Some(before) = before
        && before.sa_flags & libc::SA_SIGINFO != 0
    {
        // SAFETY: a handler with SA_SIGINFO is of this type.
        let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) =
            unsafe { std::mem::transmute(before.sa_sigaction) };
        return handler(signal, info, context);
    }
    // The instruction is run again, and ends the OS process.
    // SAFETY: a plain call.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

extern "C" fn abort(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: as above.
    let is_raised_here = unsafe { (*info).si_code <= 0 && (*info).si_pid() == libc::getpid() };
    if let Some(seat) = of_plugin().filter(|_| is_raised_here) {
        note_place(seat, context);
        note_caller(seat);
        end_here(seat, FAULT_ABORT);
    }
    // Returning, `abort` goes on with the default, which ends the OS process.
}

/// This thread's seat, if it runs a plugin's code.
fn of_plugin() -> Option<&'static Seat> {
    let is_at_work = |seat: &&Seat| seat.process().is_some_and(|process| !process.shared.is_busy());
    seat::own().filter(|seat| !seat.is_in_host()).filter(is_at_work)
}

/// The process ends here, and its thread with it.
fn end_here(seat: &Seat, fault: u32) -> ! {
    seat.phase.end();
    seat.fault.store(fault, Ordering::Release);
    reaper::ring();
    loop {
        if let Some(now) = seat.phase.halted() {
            wait(seat.phase.word(), now);
        }
    }
}

/// The process that this thread runs has come to the end of its stack.
pub(super) fn end_for_overflow(seat: &Seat) -> ! {
    let here = 0_u8;
    seat.sp.store((&raw const here).addr(), Ordering::Relaxed);
    seat.pc.store(0, Ordering::Relaxed);
    end_here(seat, FAULT_OVERFLOW)
}

fn wake(word: &AtomicU32) {
    // Nobody may wait.
    let _: Result<usize, _> = futex::wake(word, futex::Flags::PRIVATE, u32::MAX);
}

fn wait(word: &AtomicU32, value: u32) {
    // It may be another already, or a signal may come: the caller looks again.
    let _: Result<(), _> = futex::wait(word, futex::Flags::PRIVATE, value, None);
}

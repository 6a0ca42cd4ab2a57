//! Doors to timers and readiness.

use crate::scheduler::{self, InHost, current_process};
use crate::{io, timer, waker::Waker};
use plugin_abi::abi::{AbiWaker, STATUS_NONE, STATUS_OK, Status};
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub(super) unsafe extern "C" fn timer_start(after_ns: u64, waker: AbiWaker) -> u64 {
    let _host = InHost::enter();
    // SAFETY: the table's contract: the waker is given away.
    let waker = unsafe { Waker::from_raw(waker) };
    let (timer, deadline) = timer::start(Duration::from_nanos(after_ns), waker);
    scheduler::timer_started(deadline);
    timer
}

pub(super) extern "C" fn timer_cancel(timer: u64) -> Status {
    let _host = InHost::enter();
    if timer::cancel(timer) { STATUS_OK } else { STATUS_NONE }
}

pub(super) unsafe extern "C" fn register(fd: i32, source: *mut u64) -> i32 {
    let _host = InHost::enter();
    if fd < 0 {
        return rustix::io::Errno::BADF.raw_os_error();
    }
    // SAFETY: the table's contract: the caller keeps the descriptor open until it has deregistered the source.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let owner = current_process().map_or(0, |process| process.pid().get());
    match io::register(fd, owner) {
        Ok(registered) => {
            // SAFETY: valid for a write.
            unsafe { source.write(registered) };
            0
        }
        Err(error) => error.raw_os_error(),
    }
}

pub(super) extern "C" fn deregister(source: u64) {
    let _host = InHost::enter();
    io::deregister(source);
}

pub(super) unsafe extern "C" fn ready(source: u64, interest: u32, waker: *const AbiWaker) -> u64 {
    let _host = InHost::enter();
    let owner = current_process().map_or(0, |process| process.pid().get());
    // SAFETY: the table's contract: the waker is valid for the call.
    io::ready(source, interest, owner, || unsafe { Waker::clone_of(&*waker) })
}

pub(super) extern "C" fn clear(source: u64, interest: u32, token: u64) {
    let _host = InHost::enter();
    io::clear(source, interest, token);
}

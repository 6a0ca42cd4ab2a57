//! What the kernel knows of another thread of this node, and may be told. Platform-specific: Linux, x86-64.
#![expect(unsafe_code, reason = "system calls on another thread's id, which only libc has")]

use std::time::Duration;

/// This thread's id.
pub(super) fn own_id() -> i32 {
    rustix::thread::gettid().as_raw_nonzero().get()
}

/// CPU time that a thread has used; `None` when it has ended.
pub(super) fn cpu_time(thread: i32) -> Option<Duration> {
    // The clock of a thread by its id, as `pthread_getcpuclockid` makes it: `MAKE_THREAD_CPUCLOCK(id, CPUCLOCK_SCHED)` of the kernel's
    // include/linux/posix-timers.h.
    let clock: libc::clockid_t = (!thread << 3) | 6;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write to; a clock that does not exist is refused.
    let status = unsafe { libc::clock_gettime(clock, &raw mut time) };
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u32::try_from(time.tv_nsec).ok()?;
    (status == 0).then(|| Duration::new(seconds, nanoseconds))
}

/// True when a thread sleeps in the kernel: it waits for a lock, a file or a clock, not for a processor.
pub(super) fn is_blocked(thread: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat"));
    // The name, in parentheses, may hold anything; the state comes after it.
    stat.is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['S', 'D'])))
}

/// Whoever else has something to do goes before this thread. Refused, it keeps its priority.
pub(super) fn make_idle(thread: i32) {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: a valid parameter; a thread that has ended is refused.
    let _: libc::c_int = unsafe { libc::sched_setscheduler(thread, libc::SCHED_IDLE, &raw const param) };
}

/// Takes [`make_idle`] back. Refused, as it may be without privileges, it stays.
pub(super) fn make_normal(thread: i32) {
    let param = libc::sched_param { sched_priority: 0 };
    // SAFETY: as above.
    let _: libc::c_int = unsafe { libc::sched_setscheduler(thread, libc::SCHED_OTHER, &raw const param) };
}

/// This thread's stack: the lowest address that may be used, and the end. Zeros where it is not known.
pub(super) fn stack() -> (usize, usize) {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut low, mut len) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are filled by the first call, read by the second and freed by the third.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return (0, 0);
        }
        let status = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut low, &raw mut len);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if status == 0 { (low.addr(), low.addr() + len) } else { (0, 0) }
    }
}

/// Whether a thread that a signal has interrupted at `pc`, with that result register, was waiting in the kernel, and nobody waits for
/// what it has: its system call is about to be made again (then the register has its number), or was broken off.
pub(super) fn waits_in_kernel(pc: usize, result: usize) -> bool {
    /// `syscall`.
    const SYSCALL: [u8; 2] = [0x0F, 0x05];
    const WAITING: [libc::c_long; 22] = [
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_readv,
        libc::SYS_recvfrom,
        libc::SYS_recvmsg,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_sendto,
        libc::SYS_sendmsg,
        libc::SYS_connect,
        libc::SYS_accept,
        libc::SYS_accept4,
        libc::SYS_poll,
        libc::SYS_ppoll,
        libc::SYS_select,
        libc::SYS_pselect6,
        libc::SYS_epoll_wait,
        libc::SYS_nanosleep,
        libc::SYS_clock_nanosleep,
        libc::SYS_futex,
        libc::SYS_wait4,
        libc::SYS_flock,
    ];
    // SAFETY: the thread stood at `pc`, so there are instructions there, and before it: no function begins with a system call.
    let at = |address: usize| unsafe { std::ptr::with_exposed_provenance::<[u8; 2]>(address).read_unaligned() };
    let is_restarted = at(pc) == SYSCALL && WAITING.contains(&result.cast_signed().try_into().unwrap_or(-1));
    let is_broken_off = at(pc - 2) == SYSCALL && result.cast_signed() == -(libc::EINTR as isize);
    is_restarted || is_broken_off
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Instant;

    #[test]
    fn a_thread_that_works_uses_time_and_one_that_waits_is_blocked() {
        let before = cpu_time(own_id()).expect("this thread lives");
        let begun = Instant::now();
        while cpu_time(own_id()).expect("this thread lives") - before < Duration::from_millis(2) {
            assert!(begun.elapsed() < Duration::from_secs(30), "its clock stands still");
        }
        assert!(!is_blocked(own_id()));

        let (say_id, id) = channel();
        let (let_go, wait) = channel::<()>();
        let waiting = std::thread::spawn(move || {
            say_id.send(own_id()).expect("somebody listens");
            let _: Result<(), _> = wait.recv();
        });
        let id = id.recv().expect("its id");
        while !is_blocked(id) {
            assert!(begun.elapsed() < Duration::from_secs(30), "it does not wait");
            std::thread::yield_now();
        }
        drop(let_go);
        waiting.join().expect("it ends");
        // The kernel says that it has ended a moment before it forgets it.
        while cpu_time(id).is_some() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
            std::thread::yield_now();
        }
    }
}

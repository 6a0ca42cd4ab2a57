//! Schedulers: one thread a core, each with a run queue; they poll processes, wait for I/O and fire timers.

mod current;
mod exit;
mod idle;
mod queue;
mod waker;
mod worker;

pub(crate) use current::process as current_process;
pub(crate) use exit::{demonitor, monitor};
pub(crate) use idle::{stop, timer_started};
pub(crate) use waker::{PROCESS_WAKER, kill, wake};

use crate::image::Image;
use crate::process::{Pid, Process, table};
use crate::waker::Waker;
use plugin_abi::abi::ProcessFuture;
use queue::QUEUES;
use std::io;
use std::num::NonZeroU64;
use std::thread::JoinHandle;
use worker::Worker;

/// Starts the scheduler threads, once.
///
/// # Errors
/// When the system gives no more threads.
pub(crate) fn start(count: usize) -> io::Result<Vec<JoinHandle<()>>> {
    let queues = QUEUES.make(count);
    let spawn = |(number, queue): (usize, &'static queue::Queue)| {
        std::thread::Builder::new().name(format!("scheduler-{number}")).spawn(move || {
            // The kernel may wake a thread late, by 50 µs as a rule: timers are to be as good as the clock.
            // Refused, it only makes sleepers a little later.
            let _: Result<(), _> = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
            Worker::new(number, queue).run();
        })
    };
    queues.iter().enumerate().map(spawn).collect()
}

/// Makes a process and schedules it. `None`: the table is full, and the future still the caller's.
///
/// # Safety
/// `future` is a valid future of `image`, the caller's to give.
#[expect(unsafe_code, reason = "a future that crossed the ABI is given on")]
pub(crate) unsafe fn spawn(image: &'static Image, future: ProcessFuture) -> Option<Pid> {
    // SAFETY: by the contract.
    let (pid, process) = unsafe { table::begin(image, future) }?;
    enqueue(process);
    Some(pid)
}

/// Puts a process that was just scheduled into a run queue.
fn enqueue(process: &'static Process) {
    match current::queue() {
        // Woken by a running process: it runs next, on this scheduler.
        Some(queue) if current::process().is_some() => {
            if queue.push_next(process) {
                idle::notify();
            }
        }
        Some(queue) => {
            queue.push(process);
            idle::notify();
        }
        None => {
            QUEUES.push_common(process);
            idle::notify();
        }
    }
}

/// Puts a process that gave way at the end of the queue, behind those that wait already.
fn enqueue_back(process: &'static Process) {
    match current::queue() {
        Some(queue) => queue.push(process),
        None => QUEUES.push_common(process),
    }
}

fn wake_batch(woken: &mut Vec<Waker>) {
    woken.drain(..).for_each(Waker::wake);
}

//! Where the threads stand that run processes, look by look: what a profile is made of.
//!
//! A look asks each thread that runs a wanted process, and has used processor time since the look before, to copy its stack (`sample.rs`
//! has how), as many at once as there are copies, and waits a few milliseconds for the answers at the most. Who sleeps in the kernel or is
//! paused by the rotation uses no processor, and is left alone.
//!
//! Invariants: a look waits no longer for another one, or for who samples otherwise, and asks [`THREADS_MAX`] at the most, in turns; what is not answered in time is
//! taken back, and counted as missed.

use super::sample::{COPIES, Copy, PLACES, SAMPLER, Snapshot, forget_late_ones};
use super::seat::{self, Seat};
use super::{signal, thread};
use crate::image::Image;
use crate::process::{Pid, Process};
use std::collections::HashMap;
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// So many threads are asked in one look.
const THREADS_MAX: usize = 64;
/// One that has used a processor just now has it still, or soon again; a long runner goes behind others, and may take longer.
const PATIENCE_MAX: Duration = Duration::from_millis(10);
/// How often answers are looked for: a copy takes some microseconds.
const LOOK: Duration = Duration::from_micros(40);

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Survey {
    /// How long a look waits for its answers.
    patience: Duration,
    /// What each thread had used at the last look, by the kernel's id.
    used: HashMap<i32, Duration>,
    /// How many looks there were.
    looks: usize,
}

/// A process that ran, and where it stood.
#[derive(Debug)]
pub(crate) struct Sighting {
    pub(crate) type_name: &'static str,
    pub(crate) image: &'static Image,
    pub(crate) snapshot: Snapshot,
}

impl Survey {
    /// Of looks that are so far apart: none lasts into the next one.
    pub(crate) fn new(period: Duration) -> Self {
        Self { patience: period.min(PATIENCE_MAX), used: HashMap::new(), looks: 0 }
    }

    /// Looks once at those that are wanted, by pid and image. Returns how many did not answer in time.
    pub(crate) fn look(
        &mut self,
        wanted: impl Fn(Pid, &'static Image) -> bool,
        mut found: impl FnMut(Sighting),
    ) -> usize {
        let busy = self.busy(|process| wanted(process.pid(), process.image()));
        let Some(_one) = SAMPLER.try_lock_for(self.patience) else { return busy.len() };
        forget_late_ones();
        let mut missed = 0;
        for group in busy.chunks(PLACES) {
            let asked: Vec<_> = group.iter().zip(&COPIES).filter(|(seat, copy)| ask(seat, copy)).collect();
            missed += group.len() - asked.len();
            wait(self.patience, || asked.iter().all(|(_, copy)| copy.is_done()));
            for ((_, process), copy) in asked {
                match copy.take() {
                    // What runs there by now may be another.
                    Some((ran, _)) if !ptr::eq(ran, *process) => {}
                    Some((_, snapshot)) => {
                        found(Sighting { type_name: process.type_name(), image: process.image(), snapshot })
                    }
                    None => {
                        copy.withdraw();
                        missed += 1;
                    }
                }
            }
        }
        missed
    }

    /// The seats of those that are asked this time, with what runs there.
    fn busy(&mut self, wanted: impl Fn(&'static Process) -> bool) -> Vec<(&'static Seat, &'static Process)> {
        let before = std::mem::take(&mut self.used);
        let mut busy = Vec::new();
        for seat in seat::all() {
            let thread = seat.thread.load(Ordering::Relaxed);
            let Some(used) = thread::cpu_time(thread) else { continue };
            self.used.insert(thread, used);
            let has_worked = before.get(&thread).is_some_and(|before| *before != used);
            let ran = seat.process().filter(|_| has_worked && !seat.phase.is_paused());
            busy.extend(ran.filter(|process| wanted(process)).map(|process| (seat, process)));
        }
        self.looks = self.looks.wrapping_add(1);
        if busy.len() > THREADS_MAX {
            let begin = self.looks.wrapping_mul(THREADS_MAX) % busy.len();
            busy.rotate_left(begin);
            busy.truncate(THREADS_MAX);
        }
        busy
    }
}

fn ask((seat, _): &(&'static Seat, &'static Process), copy: &Copy) -> bool {
    let thread = seat.thread.load(Ordering::Relaxed);
    let is_asked = copy.ask(thread) && signal::send_stop(thread);
    if !is_asked {
        copy.withdraw();
    }
    is_asked
}

fn wait(patience: Duration, is_over: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_over() && begun.elapsed() < patience {
        std::thread::sleep(LOOK);
    }
}

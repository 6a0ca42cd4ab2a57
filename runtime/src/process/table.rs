//! All processes of the node, by pid. One table an OS process, as one BEAM has.
//!
//! Free slots are kept in a small stock on each thread and in the slab, so that spawning threads do not queue up. What lies in one thread's
//! stock is not there for another: so stocks are the smaller the fewer processes there may be, and below [`EXACT_BELOW`] there are none, and
//! the limit is exact.

use super::cell::{Birth, Process};
use super::handle::Handle;
use super::pid::Pid;
use crate::image::Image;
use crate::slab::Slab;
use std::cell::RefCell;
use std::sync::{LazyLock, OnceLock};

/// No node can have more processes alive at once: a pid has so many bits for its slot.
pub(crate) const PROCESSES_MAX: u32 = 1 << 25;
/// A stock is this part of what may be: thousands of threads' leave all but a few per cent to whoever spawns.
const EXACT_BELOW: u32 = 1 << 16;
const STOCK_MAX: usize = 64;

static LIMIT: OnceLock<u32> = OnceLock::new();
static TABLE: LazyLock<Slab<Process>> = LazyLock::new(|| Slab::new(limit(), Process::unused));
static STOCK: LazyLock<usize> = LazyLock::new(|| STOCK_MAX.min((limit() / EXACT_BELOW) as usize));

/// Sets how many processes may be alive at once, before the first is made. More are refused.
pub(crate) fn set_limit(processes: u32) {
    // Whoever has been asked for a process before has found the limit to be the greatest.
    let _: Result<(), u32> = LIMIT.set(processes.min(PROCESSES_MAX));
}

/// How many processes may be alive at once.
pub(crate) fn limit() -> u32 {
    *LIMIT.get_or_init(|| PROCESSES_MAX)
}

thread_local! {
    static FREE: RefCell<Stock> = const { RefCell::new(Stock(Vec::new())) };
}

/// Free slots of this thread; they go back when the thread ends.
struct Stock(Vec<u32>);

impl Drop for Stock {
    fn drop(&mut self) {
        TABLE.free_many(self.0.drain(..));
    }
}

fn take_slot() -> Option<u32> {
    let taken = FREE.try_with(|stock| {
        let slots = &mut stock.borrow_mut().0;
        if slots.is_empty() {
            TABLE.allocate_many(slots, 1 + *STOCK);
        }
        slots.pop()
    });
    taken.unwrap_or_else(|_| TABLE.allocate().map(|(slot, _)| slot))
}

/// Makes a process and gives its first handle; the caller puts it into a run queue. `None`: the table is full, and the
/// future still the caller's.
///
/// # Safety
/// `birth.future` is a valid future of `birth.image`, the caller's to give.
pub(crate) unsafe fn begin(birth: &Birth) -> Option<(Pid, &'static Process)> {
    let slot = take_slot()?;
    let process = TABLE.get(slot)?;
    // SAFETY: the slot is ours by `take_slot`; the future by our contract.
    let pid = unsafe { process.begin(slot, birth) };
    birth.image.processes.add(1);
    Some((pid, process))
}

/// The last reference is gone: the slot is free again, unless its generations are used up.
pub(crate) fn give_back(process: &'static Process) {
    if process.state.is_exhausted() {
        return;
    }
    let slot = process.pid().slot();
    let kept = FREE.try_with(|stock| {
        let slots = &mut stock.borrow_mut().0;
        slots.push(slot);
        if slots.len() > 2 * *STOCK {
            TABLE.free_many(slots.drain(..1 + *STOCK));
        }
    });
    if kept.is_err() {
        TABLE.free(slot);
    }
}

/// The slot that the pid names: of its process, of one before or of one after.
pub(crate) fn slot(pid: Pid) -> Option<&'static Process> {
    TABLE.get(pid.slot())
}

/// The process of that pid, if it is alive or still referred to.
pub(crate) fn find(pid: Pid) -> Option<Handle> {
    let process = TABLE.get(pid.slot())?;
    process.state.try_acquire(pid.generation()).then(|| Handle::from_reference(process))
}

/// Every process that is alive, one after the other; those that begin or end meanwhile may or may not be seen.
pub(crate) fn all() -> impl Iterator<Item = Handle> {
    TABLE.iter().filter_map(|(slot, process)| {
        if !process.state.is_alive() {
            return None;
        }
        find(Pid::new(slot, process.state.generation()))
    })
}

/// Every process of an image.
pub(crate) fn of_image(image: &Image) -> impl Iterator<Item = Handle> {
    all().filter(move |process| std::ptr::eq(process.image(), image))
}

//! Doors to the node as a whole: what it uses, and its control protocol from inside.
//!
//! Who knows its name and answers requests is the node, which stands above this room: it says so by [`set_node`] and [`set_inside`].

use crate::image;
use crate::log;
use crate::observe;
use crate::scheduler::{self, InHost};
use plugin_abi::abi::{LOG_WARN, NodeInfo, STATUS_FAILED, STATUS_LIMIT, STATUS_NONE, STATUS_OK, Slice, Status};
use std::io;
use std::os::fd::{IntoRawFd as _, OwnedFd};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Opens a talk; `None`: so many go on already.
type Open = Box<dyn Fn() -> io::Result<Option<OwnedFd>> + Send + Sync>;

static NODE: OnceLock<(String, Instant)> = OnceLock::new();
static INSIDE: OnceLock<Open> = OnceLock::new();

/// Says what the node is called and when it was started, once.
pub(crate) fn set_node(name: &str, started: Instant) {
    NODE.get_or_init(|| (name.to_owned(), started));
}

/// Says how requests from inside are answered, once.
pub(crate) fn set_inside(open: impl Fn() -> io::Result<Option<OwnedFd>> + Send + Sync + 'static) {
    INSIDE.get_or_init(|| Box::new(open));
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn counted((name, started): &'static (String, Instant)) -> NodeInfo {
    NodeInfo {
        size: size_of::<NodeInfo>(),
        name: Slice::text(name),
        uptime_ns: nanoseconds(started.elapsed()),
        memory: observe::resident_bytes(),
        cpu_ns: nanoseconds(scheduler::cpu_time()),
        processes: image::all().iter().map(|image| image.processes.get()).sum(),
        schedulers: number(scheduler::count()),
        schedulers_online: number(scheduler::online()),
    }
}

pub(super) unsafe extern "C" fn node_info(out: *mut NodeInfo) -> Status {
    let _host = InHost::enter();
    let Some(node) = NODE.get() else { return STATUS_NONE };
    let filled = counted(node);
    // SAFETY: the table's contract: valid for a write of as many bytes as `size` says, which a later version may have more of.
    unsafe {
        let len = (*out).size.min(size_of::<NodeInfo>());
        std::ptr::copy_nonoverlapping((&raw const filled).cast::<u8>(), out.cast::<u8>(), len);
    }
    STATUS_OK
}

pub(super) unsafe extern "C" fn inside(fd: *mut i32) -> Status {
    let _host = InHost::enter();
    let Some(open) = INSIDE.get() else { return STATUS_NONE };
    match open() {
        Ok(Some(end)) => {
            // SAFETY: the table's contract: valid for a write.
            unsafe { fd.write(end.into_raw_fd()) };
            STATUS_OK
        }
        Ok(None) => STATUS_LIMIT,
        Err(error) => {
            log::host(LOG_WARN, "node", &format!("no talk from inside: {error}"));
            STATUS_FAILED
        }
    }
}

//! Doors to names and groups.

use super::text;
use crate::process::Pid;
use crate::registry::{self, Refused};
use crate::scheduler::InHost;
use plugin_abi::abi::{self, OwnedBytes, STATUS_EXISTS, STATUS_NONE, STATUS_OK, Slice, Status};
use std::mem::ManuallyDrop;

fn status(done: Result<(), Refused>) -> Status {
    match done {
        Ok(()) => STATUS_OK,
        Err(Refused::Exists) => STATUS_EXISTS,
        Err(Refused::NoProcess) => STATUS_NONE,
    }
}

fn found(found: bool) -> Status {
    if found { STATUS_OK } else { STATUS_NONE }
}

pub(super) unsafe extern "C" fn register(name: Slice, pid: abi::Pid) -> Status {
    let _host = InHost::enter();
    // SAFETY: the table's contract: text, valid for the call.
    status(registry::register(&unsafe { text(name) }, Pid::from_raw(pid)))
}

pub(super) unsafe extern "C" fn unregister(name: Slice) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above.
    found(registry::unregister(&unsafe { text(name) }))
}

pub(super) unsafe extern "C" fn whereis(name: Slice) -> abi::Pid {
    let _host = InHost::enter();
    // SAFETY: as above.
    registry::whereis(&unsafe { text(name) }).map_or(0, Pid::get)
}

pub(super) unsafe extern "C" fn group_join(group: Slice, pid: abi::Pid) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above.
    status(registry::join(&unsafe { text(group) }, Pid::from_raw(pid)))
}

pub(super) unsafe extern "C" fn group_leave(group: Slice, pid: abi::Pid) -> Status {
    let _host = InHost::enter();
    // SAFETY: as above.
    found(registry::leave(&unsafe { text(group) }, Pid::from_raw(pid)))
}

pub(super) unsafe extern "C" fn group_members(group: Slice, out: *mut OwnedBytes) {
    let _host = InHost::enter();
    // SAFETY: as above.
    let members = registry::members(&unsafe { text(group) });
    let bytes: Vec<u8> = members.into_iter().flat_map(|pid| pid.get().to_ne_bytes()).collect();
    let mut bytes = ManuallyDrop::new(bytes);
    // SAFETY: `out` is valid for a write.
    unsafe {
        out.write(OwnedBytes {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            capacity: bytes.capacity(),
            free: Some(free),
        });
    }
}

unsafe extern "C" fn free(ptr: *mut u8, len: usize, capacity: usize) {
    // SAFETY: the parts of the vector that `group_members` took apart; called once.
    drop(unsafe { Vec::from_raw_parts(ptr, len, capacity) });
}

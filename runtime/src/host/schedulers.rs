//! Doors to the schedulers.

use crate::scheduler::{self, InHost};
use plugin_abi::abi::{STATUS_LIMIT, STATUS_OK, Status};

pub(super) extern "C" fn count() -> u32 {
    let _host = InHost::enter();
    u32::try_from(scheduler::count()).unwrap_or(u32::MAX)
}

pub(super) extern "C" fn online() -> u32 {
    let _host = InHost::enter();
    u32::try_from(scheduler::online()).unwrap_or(u32::MAX)
}

pub(super) extern "C" fn set_online(count: u32) -> Status {
    let _host = InHost::enter();
    if scheduler::set_online(count as usize) { STATUS_OK } else { STATUS_LIMIT }
}

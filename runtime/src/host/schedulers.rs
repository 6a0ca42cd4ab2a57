//! Doors to the schedulers.

use crate::scheduler;
use plugin_abi::abi::{STATUS_LIMIT, STATUS_OK, Status};

pub(super) extern "C" fn count() -> u32 {
    u32::try_from(scheduler::count()).unwrap_or(u32::MAX)
}

pub(super) extern "C" fn online() -> u32 {
    u32::try_from(scheduler::online()).unwrap_or(u32::MAX)
}

pub(super) extern "C" fn set_online(count: u32) -> Status {
    if scheduler::set_online(count as usize) { STATUS_OK } else { STATUS_LIMIT }
}

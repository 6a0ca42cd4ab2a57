//! Doors for processes that move to another image.

use crate::moving;
use crate::process::Encoded;
use crate::scheduler::{InHost, current_process};
use plugin_abi::abi::{GivenState, STATUS_NONE, STATUS_OK, Status, WANT_NOTHING};

pub(super) unsafe extern "C" fn state_wanted(version: *mut u32) -> u32 {
    let _host = InHost::enter();
    let Some(process) = current_process() else { return WANT_NOTHING };
    let (want, wanted) = moving::wanted(process);
    // SAFETY: the table's contract: valid for a write.
    unsafe { version.write(wanted) };
    want
}

pub(super) unsafe extern "C" fn give_state(state: *mut GivenState) -> Status {
    let _host = InHost::enter();
    // SAFETY: the table's contract: a valid state, whose bytes are given away.
    let (status, bytes) = unsafe { ((*state).status, Encoded::from_raw((*state).bytes.take())) };
    let state = if status == STATUS_OK { Ok(bytes) } else { Err(bytes.to_text()) };
    match current_process() {
        Some(process) if moving::give(process, state) => STATUS_OK,
        _ => STATUS_NONE,
    }
}

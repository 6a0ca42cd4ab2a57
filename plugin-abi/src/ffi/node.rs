//! What the node says of itself, and its control protocol from inside.

use super::host::try_host;
use crate::abi::{NodeInfo, STATUS_OK, Slice, Status};
use std::os::fd::{FromRawFd as _, OwnedFd};

/// `None`: the node says nothing of itself.
pub(crate) fn node_info() -> Option<NodeInfo> {
    let mut info = NodeInfo {
        size: size_of::<NodeInfo>(),
        name: Slice::EMPTY,
        uptime_ns: 0,
        memory: 0,
        cpu_ns: 0,
        processes: 0,
        schedulers: 0,
        schedulers_online: 0,
    };
    let host = try_host()?;
    // SAFETY: valid for a write of as much as its size says.
    unsafe { (host.table.node_info)(&raw mut info) == STATUS_OK }.then_some(info)
}

/// The name in what [`node_info`] gave.
pub(crate) fn name_of(info: &NodeInfo) -> String {
    // SAFETY: it lives as long as the OS process.
    String::from_utf8_lossy(unsafe { info.name.as_bytes() }).into_owned()
}

/// An end of the control protocol, non-blocking; or the host's answer.
pub(crate) fn inside() -> Result<OwnedFd, Option<Status>> {
    let host = try_host().ok_or(None)?;
    let mut fd = -1;
    // SAFETY: `fd` is ours to write to; on `STATUS_OK` the descriptor is given away.
    unsafe {
        match (host.table.inside)(&raw mut fd) {
            STATUS_OK => Ok(OwnedFd::from_raw_fd(fd)),
            refused => Err(Some(refused)),
        }
    }
}

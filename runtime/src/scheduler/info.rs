//! What the node knows of a process.

use super::{clock, seat};
use crate::process::{Handle, Pid, Priority};
use std::time::Duration;

/// A process as it is now.
#[derive(Clone, Debug)]
pub(crate) struct Info {
    pub(crate) pid: Pid,
    pub(crate) parent: Option<Pid>,
    pub(crate) image: u64,
    pub(crate) type_name: &'static str,
    pub(crate) polls: u64,
    /// With that of the poll that runs.
    pub(crate) cpu: Duration,
    pub(crate) received: u64,
    pub(crate) mailbox: u32,
    pub(crate) priority: Priority,
    pub(crate) memory: i64,
    pub(crate) is_running: bool,
}

/// Of a process that is referred to.
pub(crate) fn info(process: &Handle) -> Info {
    let is_running = process.state.is_running();
    let turn = if is_running { seat::of(process.process()).map(seat::Seat::turn_time) } else { None };
    Info {
        pid: process.pid(),
        parent: process.parent(),
        image: process.image().context.id,
        type_name: process.type_name(),
        polls: process.polls(),
        cpu: clock::duration(process.ticks()) + turn.unwrap_or_default(),
        received: process.mailbox.taken(),
        mailbox: process.mailbox.len(),
        priority: process.priority(),
        memory: process.shared.memory(),
        is_running,
    }
}

//! Sums over all processes, for metrics.

use super::list::{state_name, walk};
use crate::scheduler;
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// How many there are in each state.
    pub(crate) states: BTreeMap<&'static str, u64>,
    /// Messages that wait.
    pub(crate) mailbox: u64,
    /// The same in the longest mailbox.
    pub(crate) mailbox_max: u32,
    /// Bytes.
    pub(crate) memory: i64,
}

/// Of those that live, in steps that hold up no scheduler.
pub(crate) fn totals() -> Totals {
    let mut totals = Totals::default();
    walk(|process| {
        let mailbox = process.mailbox.len();
        totals.mailbox += u64::from(mailbox);
        totals.mailbox_max = totals.mailbox_max.max(mailbox);
        totals.memory = totals.memory.saturating_add(process.shared.memory());
        *totals.states.entry(state_name(scheduler::activity_of(process))).or_default() += 1;
    });
    totals
}

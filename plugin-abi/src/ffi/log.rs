//! The host's log, as safe functions. Outside of a node nothing is logged.

use super::host::try_host;
use crate::abi::{LogEvent, Slice};
use std::sync::atomic::Ordering;

/// `LOG_*`, or 0.
pub(crate) fn log_level() -> u32 {
    try_host().map_or(0, |host| host.image.log_level.load(Ordering::Relaxed))
}

/// Whether the node logs such events.
pub(crate) fn log_enabled(level: u32, target: &str) -> bool {
    // SAFETY: the text is valid for the call.
    try_host().is_some_and(|host| unsafe { (host.table.log_enabled)(level, Slice::text(target)) } != 0)
}

/// A log event's parts.
pub(crate) struct Event<'a> {
    pub(crate) level: u32,
    pub(crate) line: u32,
    pub(crate) file: &'a str,
    pub(crate) target: &'a str,
    pub(crate) message: &'a str,
    pub(crate) fields: &'a str,
}

pub(crate) fn log(event: &Event<'_>) {
    let Some(host) = try_host() else { return };
    let event = LogEvent {
        size: size_of::<LogEvent>(),
        image: host.image.id,
        level: event.level,
        line: event.line,
        file: Slice::text(event.file),
        target: Slice::text(event.target),
        message: Slice::text(event.message),
        fields: Slice::text(event.fields),
    };
    // SAFETY: the event and its texts are valid for the call.
    unsafe { (host.table.log)(&raw const event) };
}

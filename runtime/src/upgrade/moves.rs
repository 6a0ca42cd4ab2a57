//! Moving all processes that can: forth, and back.
//!
//! One by one, or all at a barrier, by choice of the release. While processes move, those that have not yet may start others on the old image: so there are rounds, until one finds nobody.

use super::tally;
use crate::image::Image;
use crate::moving::{self, Batch, Limits, Report, Want};
use std::time::Instant;

/// After so many rounds, those that are left drain: they are started as fast as they are moved.
const ROUNDS_MAX: usize = 8;

/// Has each process that can move to an image show that it can, until then.
pub(super) fn rehearse(to: &'static Image, until: Instant) -> Report {
    Batch::to(to, Limits::default().until(until)).run(Want::Copy)
}

/// Until when all images' processes are to be rehearsed, or to have moved, if that begins now.
pub(super) fn until() -> Instant {
    Instant::now() + Limits::default().total
}

/// Moves each process that can to an image, until then. At a fault some have moved and some have not, and nobody is under way.
pub(super) fn move_all(to: &'static Image, until: Instant) -> Report {
    let mut report = Batch::to(to, Limits::default().until(until)).run(Want::Move);
    for _ in 1..ROUNDS_MAX {
        let batch = Batch::to(to, Limits::default().until(until));
        if batch.is_empty() || report.fault.is_some() {
            break;
        }
        report = report.join(batch.run(Want::Move));
    }
    tally::note(&report.pauses);
    report
}

/// Moves all of them at once, to their plugins' images; `switch` is called while they stand still, if they all can.
pub(super) fn cross(to: &[&'static Image], switch: impl FnOnce()) -> Report {
    let report = moving::cross(to, Limits::default(), switch);
    tally::note(&report.pauses);
    report
}

//! The load page: jobs by the thousand, and what they cost.
//!
//! ```text
//! page ─► session.rs ─ set ─► control.rs ─ starts and stops, by fill.rs ─► job, job, …  (tree.rs: 1,000 supervisors)
//!            ▲                    └ tells its settings ─┐                     │ each tells that it is done
//!            └──── the next view, when it asks ──── meter.rs ◄────────────────┘
//!                                                     └ window.rs: the last minute   view.rs: as HTML
//! ```

mod control;
mod fill;
mod form;
mod job;
mod meter;
mod session;
mod tree;
mod view;
mod window;

pub(crate) use control::Control;
pub(crate) use job::Job;
pub(crate) use meter::Meter;
pub(crate) use session::{Load, open};
pub(crate) use tree::child;

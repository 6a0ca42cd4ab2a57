//! Commands for nodes on other machines, and for several nodes.
//!
//! ```text
//! upgrade, deploy ─► one node after the other (several.rs) ─┬─ on this machine: as ever
//!                                                           └─ on another: look, send, upgrade (visit.rs), or start it there (first.rs)
//! all others      ─► called there (pass.rs)
//! ```

mod first;
mod goods;
mod pass;
mod several;
mod visit;

pub(super) use pass::pass;
pub(super) use several::{Errand, run};

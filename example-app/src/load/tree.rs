//! Who supervises whom.
//!
//! ```text
//! load ─┬─ meter
//!       ├─ jobs ─┬─ group 0 ─┬─ job
//!       │        │           ├─ job
//!       │        └─ group 1  └─ …
//!       └─ control
//! ```
//!
//! Groups and jobs are made by templates, so each of them moves to the next version, which makes what comes after them.

use super::{Control, Job, Meter};
use plugin_abi::supervisor::{Child, ChildError, Strategy, Supervisor, SupervisorRef};
use std::time::Duration;

/// Jobs are spread over so many supervisors.
pub(super) const GROUPS: u32 = 1000;

/// Jobs that fail are expected: this many in a second are not.
const FAILURES_MAX: u32 = 1_000_000;
const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn child() -> Child {
    let load = Supervisor::new(Strategy::OneForOne).intensity(10, SECOND);
    let load = load.child(Child::server::<Meter>("meter", ()));
    let load = load.child(Child::supervisor("jobs", many().template(group)));
    Child::supervisor("load", load.child(Child::server::<Control>("control", ())))
}

fn many() -> Supervisor {
    Supervisor::dynamic().intensity(FAILURES_MAX, SECOND)
}

fn group(number: u32) -> Child {
    Child::supervisor(format!("group {number}"), many().template(job))
}

fn job((): ()) -> Child {
    Child::server::<Job>("job", ())
}

/// The supervisor of the groups.
pub(super) async fn jobs() -> Result<SupervisorRef, ChildError> {
    let root = SupervisorRef::root().ok_or(ChildError::NotFound)?;
    root.supervisor("load").await?.supervisor("jobs").await
}

//! A panic of the node's own in an upgrade is a failure of the step that it happens in, as any other: what follows a failure follows it, and the next
//! upgrade can begin.

use super::progress::Progress;
use crate::listen;
use crate::protocol::{Failure, FailureKind};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

const HINT: &str =
    "this is a fault of the node's own: please report it, with what the log says; the upgrade can be tried again";

/// What `act` gives; or as an error of ours that it has panicked. What it has changed by then is for the caller to look at.
pub(super) fn contained<T>(progress: &Progress, act: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|payload| Err(failure(progress, &*payload)))
}

fn failure(progress: &Progress, payload: &(dyn Any + Send)) -> Failure {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("it gave no reason");
    Failure {
        kind: FailureKind::Error,
        step: progress.last_step(),
        message: format!("the node has panicked: {text}"),
        details: None,
        hint: Some(HINT.to_owned()),
        serving: listen::current().map(|running| running.version.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_failure_of_its_step() {
        let progress = Progress::new("1.0.1+b");
        progress.step("check");
        assert_eq!(contained(&progress, || Ok(7)).ok(), Some(7));
        progress.step("move");
        let number = 7_421;
        let failed = contained::<()>(&progress, || panic!("process {number} is nowhere")).expect_err("a panic");
        assert_eq!((failed.kind, failed.step.as_deref()), (FailureKind::Error, Some("move")));
        assert_eq!(failed.message, "the node has panicked: process 7421 is nowhere");
    }
}

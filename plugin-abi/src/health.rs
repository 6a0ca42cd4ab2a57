//! Health checks: what an application says must be right before a new version of it stays.

use crate::abi::ProcessFuture;
use crate::exit::Outcome;
use crate::ffi::{NoMessages, into_process};
use std::fmt;
use std::time::Duration;

/// A check that the node runs as a process of its own.
pub(crate) struct HealthCheck {
    pub(crate) name: String,
    pub(crate) deadline: Duration,
    check: Box<dyn Check>,
}

trait Check: Send + Sync {
    fn start(&'static self) -> ProcessFuture;
}

impl<C, F> Check for C
where
    C: Fn() -> F + Send + Sync + 'static,
    F: Future<Output: Outcome> + Send + 'static,
{
    fn start(&'static self) -> ProcessFuture {
        into_process::<C, NoMessages, _>(async move { self().await })
    }
}

impl HealthCheck {
    pub(crate) fn new<F>(name: String, deadline: Duration, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output: Outcome> + Send + 'static,
    {
        Self { name, deadline, check: Box::new(check) }
    }

    /// The check as a process. Runs none of the user's code: that is the process's part.
    pub(crate) fn start(&'static self) -> ProcessFuture {
        self.check.start()
    }
}

impl fmt::Debug for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {:?}", self.name, self.deadline)
    }
}

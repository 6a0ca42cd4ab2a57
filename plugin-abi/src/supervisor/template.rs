//! Children that are made of an argument: OTP's `simple_one_for_one`.
//!
//! An argument is bytes, so it moves with its child: each version makes the child of it by the template of its own.

use super::child::Child;
use crate::panic;
use serde::de::DeserializeOwned;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

type Make = dyn Fn(&[u8]) -> Result<Child, String> + Send + Sync;

/// See the file's head.
#[derive(Clone)]
pub(super) struct Template(Arc<Make>);

impl Template {
    pub(super) fn new<A: DeserializeOwned>(make: impl Fn(A) -> Child + Send + Sync + 'static) -> Self {
        Self(Arc::new(move |argument| match rmp_serde::from_slice(argument) {
            Ok(read) => Ok(make(read).of_argument(argument)),
            Err(error) => Err(format!("the template takes no such argument: {error}")),
        }))
    }

    /// The child of that argument; or why there is none.
    pub(super) fn child(&self, argument: &[u8]) -> Result<Child, String> {
        catch_unwind(AssertUnwindSafe(|| (self.0)(argument)))
            .unwrap_or_else(|payload| Err(format!("the template panicked: {}", panic::into_text(payload))))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template")
    }
}

//! Text that many sessions hold: rendered once. Between versions it crosses as any text.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// See the file's head.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) struct Shared(Arc<str>);

impl From<String> for Shared {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<Shared> for String {
    fn from(text: Shared) -> Self {
        text.0.as_ref().to_owned()
    }
}

impl AsRef<str> for Shared {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

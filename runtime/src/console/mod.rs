//! The console: expressions that a person sends, evaluated in the node, on a thread of their own.
//!
//! ```text
//! client's lines ─► reader (the client's thread) ─ one at a time ─► evaluator (a thread of this session) ─► client
//!                      └ interrupt, or the client is gone ─► flag ─► the evaluation ends at its next operation
//! ```
//!
//! The language is rhai: it reaches the node by the functions of `functions.rs` and the applications' own (`exported.rs`) alone, no file. An evaluation has
//! limits of time, operations, depth and size (`limits.rs`), and pauses now and then, so that schedulers go before it. Variables and functions last as
//! long as the session.

mod evaluator;
mod exported;
mod functions;
mod limits;
mod session;

pub(crate) use session::serve;

use crate::image::Image;
use crate::protocol::{Status, Trees};
use std::fmt;
use std::sync::Arc;

/// What only the control socket knows.
#[derive(Clone)]
pub(crate) struct Tools {
    pub(crate) status: Arc<dyn Fn() -> Status + Send + Sync>,
    pub(crate) trees: Arc<dyn Fn() -> Trees + Send + Sync>,
    /// Those that are current.
    pub(crate) images: Arc<dyn Fn() -> Vec<&'static Image> + Send + Sync>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tools")
    }
}

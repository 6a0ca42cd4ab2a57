//! The services page: named processes, started, invoked, and started again when they die.
//!
//! ```text
//! page ─► session.rs ─ start ─► services (supervisor) ─► service, service, …   (service.rs: each has its name in the node)
//!             └ invoke ─► reference.rs: (node, name) ─► the service ─► "response from NAME on NODE"
//! ```

mod reference;
mod service;
mod session;
mod tree;

pub(crate) use service::Service;
pub(crate) use session::{Services, open};
pub(crate) use tree::child;

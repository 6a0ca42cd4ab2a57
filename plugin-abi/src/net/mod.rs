//! TCP: streams and listeners of the process's own.
//!
//! Descriptors are the process's, readiness is the node's: a system call is tried when the node has seen an edge, and goes straight
//! from the plugin to the kernel.

mod left;
mod listener;
mod source;
mod stream;

#[cfg(feature = "websocket")]
pub(crate) use left::Left;
pub use listener::TcpListener;
pub(crate) use source::Source;
pub use stream::TcpStream;

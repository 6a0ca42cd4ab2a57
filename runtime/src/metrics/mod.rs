//! Numbers of the node, as OpenMetrics text: for a scraper, on an address that one opts into, and for people, through the control socket.
//!
//! All is counted when asked (`collect.rs`): the processes are walked in short steps, nothing is counted where they run that is not counted
//! anyway. So a node that nobody asks pays nothing, and one that is asked pays for the walk. The address is served by a thread of the node's
//! own (`http.rs`), which no plugin can keep from answering.

mod collect;
mod http;
mod text;

pub(crate) use collect::text;
pub(crate) use http::serve;

//! What the tests stand on: drives the real binaries, on copies of real plugins, under real load.
//!
//! ```text
//! tests/*.rs ─► Node, Cli, Sandbox, Load ─► cargo-system (built once) ─► node ◄─ load (bare sockets)
//! ```
//!
//! Nothing here links the product: what is tested is what a user runs. `cargo xtask test` runs all of it.

pub mod browser;
pub mod cli;
pub mod counter;
pub mod elf;
pub mod elsewhere;
pub mod erlang;
pub mod erlang_release;
pub mod example;
pub mod hot_reload;
pub mod http;
pub mod load;
pub mod memory;
pub mod newcomer;
pub mod node;
pub mod peer;
pub mod place;
pub mod plain_tokio;
pub mod processor;
pub mod random;
pub mod raw;
pub mod release;
pub mod runaway;
pub mod sandbox;
pub mod schema;
pub mod seed;
pub mod shelf;
pub mod sshd;
pub mod store;
pub mod strace;
pub mod talk;
pub mod tarball;
pub mod terminal;
pub mod tied;
pub mod wait;
pub mod websocket;
pub mod workspace;

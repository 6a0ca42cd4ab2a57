//! The node: loads plugins, runs their processes, and upgrades them while they run.

mod console;
pub mod control;
mod counter;
mod host;
pub mod image;
mod io;
mod listen;
mod log;
pub mod memory;
mod metrics;
mod moving;
pub mod node;
mod observe;
mod process;
pub mod protocol;
mod registry;
pub mod release;
mod scheduler;
pub mod schema;
mod slab;
mod sync;
mod timely;
mod timer;
mod upgrade;
mod waker;

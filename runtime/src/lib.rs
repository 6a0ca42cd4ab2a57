//! The node: loads plugins, runs their processes, and upgrades them while they run.

pub mod control;
pub mod release;

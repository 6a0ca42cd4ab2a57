//! Atomics for the parts that `tests/loom.rs` runs through every interleaving: there this module is loom's.

pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

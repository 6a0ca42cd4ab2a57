//! Atomics and locks for the parts that `tests/loom` runs through every interleaving: there this module is loom's.

pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

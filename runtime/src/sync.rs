//! What threads share, for the parts that `tests/loom` runs through every interleaving: there this module is loom's.

pub(crate) use crossbeam_utils::sync::Unparker;
pub(crate) use parking_lot::Mutex;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::thread;

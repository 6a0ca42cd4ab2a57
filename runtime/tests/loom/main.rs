//! Every interleaving (up to a bound) of the parts that threads share: a process's state word, its mailbox, how a thread is stopped,
//! who holds a scheduler's role, and who sleeps, run by loom.
//!
//! The files under test are the runtime's own, compiled here with loom's atomics in place of std's.
//! What each model asserts stands at its head; besides, loom finds data races and messages that are never freed.
#![expect(unsafe_code, reason = "the files under test are the runtime's unsafe ones; a model keeps their contracts")]
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "files of the runtime, used in part")]

#[path = "../../src/process/mailbox.rs"]
mod mailbox;
mod message;
#[path = "../../src/scheduler/phase.rs"]
mod phase;
#[path = "../../src/scheduler/sleep.rs"]
mod sleep;
#[path = "../../src/process/state.rs"]
mod state;
#[path = "../../src/scheduler/tenure.rs"]
mod tenure;

mod event;
mod freeze;
mod idle;
mod life;
mod lock;
mod post;
mod role;

/// What the files under test find at `crate::sync`.
mod sync {
    pub(crate) use super::event::Unparker;
    pub(crate) use super::lock::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
    pub(crate) use loom::thread;
}

/// Runs a model through its interleavings. More than three preemptions find nothing new here, and take for ever.
fn explore(model: impl Fn() + Sync + Send + 'static) {
    explore_within(3, model);
}

/// The same, for a model that takes longer.
fn explore_within(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

//! A lock as parking_lot's, over loom's, which never lets another thread go on between an unlock and what its thread does next. So each
//! unlock is followed by an access that loom takes for one that others depend on.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{self, MutexGuard};
use std::ops::{Deref, DerefMut};

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Mutex<T> {
    lock: sync::Mutex<T>,
    unlocked: AtomicU32,
}

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { lock: sync::Mutex::new(value), unlocked: AtomicU32::new(0) }
    }

    pub(crate) fn lock(&self) -> Guard<'_, T> {
        Guard { guard: Some(self.lock.lock().expect("no panic")), unlocked: &self.unlocked }
    }
}

#[derive(Debug)]
pub(crate) struct Guard<'a, T> {
    guard: Option<MutexGuard<'a, T>>,
    unlocked: &'a AtomicU32,
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_deref().expect("locked until dropped")
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_deref_mut().expect("locked until dropped")
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.guard.take();
        // Relaxed: it must not order what the code under test does not.
        self.unlocked.fetch_add(1, Ordering::Relaxed);
    }
}

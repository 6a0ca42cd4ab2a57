//! What a thread sleeps on in models: once notified, it ends the wait that is under way, or the next one.

use loom::sync::{Arc, Condvar, Mutex};

/// See the file's head: the poller's eventfd, and a parker.
#[derive(Clone, Debug)]
pub(crate) struct Event(Arc<(Mutex<bool>, Condvar)>);

/// The parker of `crate::sync`, as far as it wakes.
pub(crate) type Unparker = Event;

impl Event {
    pub(crate) fn new() -> Self {
        Self(Arc::new((Mutex::new(false), Condvar::new())))
    }

    pub(crate) fn notify(&self) {
        *self.0.0.lock().expect("no panic") = true;
        self.0.1.notify_one();
    }

    pub(crate) fn unpark(&self) {
        self.notify();
    }

    /// Until notified. Loom finds whoever is not.
    pub(crate) fn wait(&self) {
        let mut is_notified = self.0.0.lock().expect("no panic");
        while !*is_notified {
            is_notified = self.0.1.wait(is_notified).expect("no panic");
        }
        *is_notified = false;
    }

    /// Not at all, but a notification is used up.
    pub(crate) fn look(&self) {
        *self.0.0.lock().expect("no panic") = false;
    }
}

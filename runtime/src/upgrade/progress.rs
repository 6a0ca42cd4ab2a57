//! What an upgrade has done so far, for any number of clients, those who come later too.

use crate::protocol::{Event, Failure, Upgraded};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// One upgrade's events and, at last, its end.
#[derive(Debug)]
pub(crate) struct Progress {
    release: String,
    steps: Mutex<Steps>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Steps {
    events: Vec<Event>,
    end: Option<Result<Upgraded, Failure>>,
}

/// What a watcher sees next.
#[derive(Debug)]
pub(crate) enum Seen {
    Event(Event),
    End(Result<Upgraded, Failure>),
}

/// One client's place in the events.
#[derive(Debug)]
pub(crate) struct Watcher {
    progress: Arc<Progress>,
    seen: usize,
}

impl Progress {
    pub(crate) fn new(release: &str) -> Arc<Self> {
        Arc::new(Self { release: release.to_owned(), steps: Mutex::default(), changed: Condvar::new() })
    }

    pub(crate) fn release(&self) -> &str {
        &self.release
    }

    /// From its first event on.
    pub(crate) fn watch(self: &Arc<Self>) -> Watcher {
        Watcher { progress: Arc::clone(self), seen: 0 }
    }

    pub(super) fn step(&self, step: &str) {
        self.push(Event::Step { step: step.to_owned() });
    }

    pub(super) fn push(&self, event: Event) {
        self.steps.lock().events.push(event);
        self.changed.notify_all();
    }

    pub(super) fn end(&self, end: Result<Upgraded, Failure>) {
        self.steps.lock().end = Some(end);
        self.changed.notify_all();
    }
}

impl Watcher {
    /// The release that is being installed.
    pub(crate) fn release(&self) -> &str {
        self.progress.release()
    }

    /// Waits for what comes next. After the end, the end again.
    pub(crate) fn next(&mut self) -> Seen {
        let mut steps = self.progress.steps.lock();
        loop {
            if let Some(event) = steps.events.get(self.seen) {
                self.seen += 1;
                return Seen::Event(event.clone());
            }
            if let Some(end) = &steps.end {
                return Seen::End(end.clone());
            }
            self.progress.changed.wait(&mut steps);
        }
    }
}

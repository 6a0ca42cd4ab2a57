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
    /// It is on probation: who does not wait for the end has seen enough.
    standing: Option<Upgraded>,
    /// The record has its end; what follows changes nothing any more.
    is_recorded: bool,
    end: Option<Result<Upgraded, Failure>>,
}

/// What a watcher sees next.
#[derive(Debug)]
pub(crate) enum Seen {
    Event(Event),
    /// It goes on, on probation.
    Standing(Upgraded),
    End(Result<Upgraded, Failure>),
}

/// One client's place in the events.
#[derive(Debug)]
pub(crate) struct Watcher {
    progress: Arc<Progress>,
    seen: usize,
    /// A probation is waited for, too.
    to_the_end: bool,
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
        Watcher { progress: Arc::clone(self), seen: 0, to_the_end: false }
    }

    pub(super) fn step(&self, step: &str) {
        self.push(Event::Step { step: step.to_owned() });
    }

    pub(super) fn push(&self, event: Event) {
        self.steps.lock().events.push(event);
        self.changed.notify_all();
    }

    /// From here on, through the probation to the end.
    pub(super) fn watch_the_end(self: &Arc<Self>) -> Watcher {
        Watcher { progress: Arc::clone(self), seen: self.steps.lock().events.len(), to_the_end: true }
    }

    pub(super) fn stand(&self, standing: Upgraded) {
        self.steps.lock().standing = Some(standing);
        self.changed.notify_all();
    }

    pub(super) fn recorded(&self) {
        self.steps.lock().is_recorded = true;
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.steps.lock().is_recorded
    }

    /// Is it in that step, the last that was begun?
    pub(super) fn is_at(&self, step: &str) -> bool {
        self.last_step().is_some_and(|last| last == step)
    }

    /// The last step that was begun.
    pub(super) fn last_step(&self) -> Option<String> {
        self.steps.lock().events.iter().rev().find_map(|event| match event {
            Event::Step { step } => Some(step.clone()),
            _ => None,
        })
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

    /// A probation is waited for, too.
    pub(super) fn go_to_the_end(&mut self) {
        self.to_the_end = true;
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
            if let Some(standing) = steps.standing.as_ref().filter(|_| !self.to_the_end) {
                return Seen::Standing(standing.clone());
            }
            self.progress.changed.wait(&mut steps);
        }
    }
}

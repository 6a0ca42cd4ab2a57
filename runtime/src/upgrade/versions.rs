//! What the node knows of its versions.

use super::probation::{Crashes, Probation};
use super::progress::Progress;
use crate::image::{self, Image};
use crate::listen::{self, Listeners};
use crate::process::Pid;
use crate::protocol::OnProbation;
use crate::release::config::{self, Change, Config};
use crate::release::store::Store;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// The node's versions.
#[derive(Debug)]
pub(crate) struct Versions {
    pub(super) store: Store,
    pub(super) listeners: Mutex<Listeners>,
    pub(super) in_progress: Mutex<Option<Arc<Progress>>>,
    /// What serves is on probation.
    pub(super) probation: Mutex<Option<Arc<Probation>>>,
    /// Image → when it became current, last, and how many of its processes had crashed until then.
    current_since: Mutex<HashMap<u64, (Instant, u64)>>,
    /// Image → its root process, which may have ended.
    roots: Mutex<HashMap<u64, Pid>>,
    /// Image → its configuration, as it became current, last.
    configs: Mutex<HashMap<u64, Config>>,
}

impl Versions {
    pub(super) fn new(store: Store, listeners: Listeners) -> Self {
        Self {
            store,
            listeners: Mutex::new(listeners),
            in_progress: Mutex::new(None),
            probation: Mutex::default(),
            current_since: Mutex::default(),
            roots: Mutex::default(),
            configs: Mutex::default(),
        }
    }

    /// Access to the listeners, for status and stop.
    pub(crate) fn listeners(&self) -> &Mutex<Listeners> {
        &self.listeners
    }

    /// The store.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// An image's root process, if it was given one. It may have ended.
    pub(crate) fn root(&self, image: &Image) -> Option<Pid> {
        self.roots.lock().get(&image.context.id).copied()
    }

    /// That process is the image's root.
    pub(super) fn set_root(&self, image: &Image, root: Pid) {
        let mut roots = self.roots.lock();
        roots.retain(|_, other| *other != root);
        roots.insert(image.context.id, root);
    }

    /// An image becomes current with that configuration.
    pub(super) fn set_config(&self, image: &Image, config: Config) {
        self.configs.lock().insert(image.context.id, config);
    }

    /// What is different in the configuration of `to`.
    pub(super) fn config_change(&self, from: &Image, to: &Image) -> Change {
        let configs = self.configs.lock();
        let (from, to) = (configs.get(&from.context.id), configs.get(&to.context.id));
        from.zip(to).map(|(from, to)| config::change(from, to)).unwrap_or_default()
    }

    /// When an image became current, last.
    pub(crate) fn current_since(&self, image: &Image) -> Option<Instant> {
        self.current_since.lock().get(&image.context.id).map(|(since, _)| *since)
    }

    /// How often its processes have crashed since it became current, last.
    pub(super) fn crashes(&self, image: &Image) -> Crashes {
        let (since, before) = self.current_since.lock().get(&image.context.id).copied().unwrap_or((Instant::now(), 0));
        Crashes { count: image.crashes.get().saturating_sub(before), in_time: since.elapsed() }
    }

    /// What is on probation.
    pub(crate) fn on_probation(&self) -> Option<OnProbation> {
        self.probation.lock().as_ref().map(|probation| probation.status())
    }

    /// It becomes current now.
    pub(super) fn note_current(&self, image: &Image) {
        self.current_since.lock().insert(image.context.id, (Instant::now(), image.crashes.get()));
    }
}

/// Processes on images that are not current.
pub(crate) fn draining() -> u64 {
    let current = listen::current().map(|image| image.context.id);
    image::all().iter().filter(|image| Some(image.context.id) != current).map(|image| image.processes.get()).sum()
}

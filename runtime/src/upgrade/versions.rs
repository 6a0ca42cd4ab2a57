//! What the node knows of its versions.

use super::probation::{Crashes, Probation};
use super::progress::Progress;
use crate::image::{self, Image};
use crate::listen::{self, Listeners, Running};
use crate::process::Pid;
use crate::protocol::OnProbation;
use crate::release::config::{self, Change, Config};
use crate::release::store::Store;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// The node's versions.
#[derive(Debug)]
pub(crate) struct Versions {
    pub(super) store: Store,
    pub(super) listeners: Mutex<Listeners>,
    pub(super) in_progress: Mutex<Option<Arc<Progress>>>,
    /// The node stops: nothing is on probation any more.
    pub(super) is_stopping: AtomicBool,
    /// What serves is on probation.
    pub(super) probation: Mutex<Option<Arc<Probation>>>,
    /// Image → its last time as a current one.
    served: Mutex<HashMap<u64, Served>>,
    /// Image → its root process, which may have ended.
    roots: Mutex<HashMap<u64, Pid>>,
    /// Image → its configuration, as it became current, last.
    configs: Mutex<HashMap<u64, Config>>,
}

/// An image that is current, or was.
#[derive(Clone, Copy, Debug)]
struct Served {
    /// When it became current.
    since: Instant,
    /// The release that had it last.
    release: &'static str,
    /// When that became current …
    counted_from: Instant,
    /// … and how many of the image's processes had crashed until then.
    crashes: u64,
}

impl Versions {
    pub(super) fn new(store: Store, listeners: Listeners) -> Self {
        Self {
            store,
            listeners: Mutex::new(listeners),
            in_progress: Mutex::new(None),
            is_stopping: AtomicBool::new(false),
            probation: Mutex::default(),
            served: Mutex::default(),
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
        self.served.lock().get(&image.context.id).map(|served| served.since)
    }

    /// The release that had an image last, if it was ever current.
    pub(crate) fn release_of(&self, image: &Image) -> Option<&'static str> {
        self.served.lock().get(&image.context.id).map(|served| served.release)
    }

    /// How often its processes have crashed since a release became current, last.
    pub(super) fn crashes(&self, running: &Running) -> Crashes {
        let served = self.served.lock();
        let images = running.images.iter().filter_map(|image| Some((image, served.get(&image.context.id)?)));
        images.fold(Crashes::default(), |sum, (image, served)| Crashes {
            count: sum.count + image.crashes.get().saturating_sub(served.crashes),
            in_time: sum.in_time.max(served.counted_from.elapsed()),
        })
    }

    /// What is on probation.
    pub(crate) fn on_probation(&self) -> Option<OnProbation> {
        self.probation.lock().as_ref().map(|probation| probation.status())
    }

    /// It becomes current now, and is not yet.
    pub(super) fn note_current(&self, running: &'static Running) {
        let (now, mut served) = (Instant::now(), self.served.lock());
        for image in &running.images {
            let stays = listen::current().is_some_and(|current| current.has(image));
            let before = served.get(&image.context.id).filter(|_| stays);
            let since = before.map_or(now, |before| before.since);
            let crashes = image.crashes.get();
            let noted = Served { since, release: &running.version, counted_from: now, crashes };
            served.insert(image.context.id, noted);
        }
    }
}

/// Processes on images that are not current.
pub(crate) fn draining() -> u64 {
    let is_current = |image: &Image| listen::current().is_some_and(|running| running.has(image));
    image::all().iter().filter(|image| !is_current(image)).map(|image| image.processes.get()).sum()
}

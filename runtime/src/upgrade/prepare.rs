//! The step in which a release's images come into the node, and its new sockets: what can fail, before anything changes.
//!
//! ```text
//! file ─ its first load? ─► trial, in an OS process of its own ─► load, initialise ─► configure ─► root process, made and not started
//!          └─ no: what is loaded stays, and loading it again would give the same image ──┘
//! ```
//!
//! All of a plugin's own code in here has the time of one [`PREPARE_MAX`].

use super::candidate::{Candidate, Fresh, RootFuture, root_of};
use super::plan::PREPARE_MAX;
use super::step::Step;
use super::transaction::{refused, take_config};
use super::trial;
use super::versions::Versions;
use super::within::within;
use crate::host::HOST_TABLE;
use crate::image::{self, Configured, Image, PluginFacts};
use crate::listen::{Prepared, Running};
use crate::protocol::Failure;
use crate::release::manifest::{Manifest, PluginEntry, release_version};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const CONFIG_HINT: &str = "mend config.toml in the package, or the one in the node's folder, and try again";

impl Versions {
    /// Loads what does not serve yet. `None` serves at boot: then the command line's overrides are checked, too.
    pub(super) fn prepare(
        &self,
        manifest: &Manifest,
        plugins: &[PluginFacts],
        serving: Option<&'static Running>,
    ) -> Result<Candidate, Failure> {
        let (mut images, mut fresh) = (Vec::new(), Vec::new());
        for (entry, facts) in manifest.plugins.iter().zip(plugins) {
            let is_kept = |image: &&&Image| image.plugin == facts.name && image.hash == facts.hash;
            if let Some(kept) = serving.and_then(|serving| serving.images.iter().find(is_kept)) {
                images.push(*kept);
                continue;
            }
            let one = self.fresh(manifest, entry, facts, serving.is_some())?;
            images.push(one.image);
            fresh.push(one);
        }
        let mut running = Running { version: manifest.version.to_string(), images, routes: Vec::new() };
        let declared = running.listeners();
        let listeners = self.listeners.lock();
        let overrides = if serving.is_none() { listeners.check_overrides(&declared) } else { Ok(()) };
        let elsewhere = Some("stop what listens there, or give another address with --listen or PORT");
        let listeners = overrides.and_then(|()| listeners.prepare(&declared));
        let Prepared { routes, bound } = listeners.map_err(|error| refused(Step::Prepare, error, elsewhere))?;
        running.routes = routes;
        Ok(Candidate { running, fresh, bound })
    }

    fn fresh(
        &self,
        manifest: &Manifest,
        entry: &PluginEntry,
        facts: &PluginFacts,
        is_trial_wanted: bool,
    ) -> Result<Fresh, Failure> {
        let config = self.store.config(manifest, facts);
        let config = config.map_err(|error| refused(Step::Prepare, error, Some(CONFIG_HINT)))?;
        let bytes = serde_json::to_vec(&config).map_err(|error| refused(Step::Prepare, error, None))?;
        let path = self.store.layout().root().join(&entry.file);
        let until = Instant::now() + PREPARE_MAX;
        let left = || until.saturating_duration_since(Instant::now());
        // At boot nobody is there yet whom it could harm.
        if is_trial_wanted && loaded_before(facts).is_none() {
            trial::initialise(&path, &facts.name, &bytes, left())
                .map_err(|error| refused(Step::Prepare, error, Some(trial::HINT)))?;
        }
        let (image, configured, root) = loaded(&path, facts, bytes, self.store.layout().run(), left())?;
        if image.processes.get() == 0 {
            // Nobody sees it, and those who come to rehearse need one. Processes of an image that comes back see it when it does.
            take_config(image, configured);
        }
        Ok(Fresh { image, root, config, configured })
    }
}

/// A build that was current before is still loaded, and loading it again would give the same image.
fn loaded_before(facts: &PluginFacts) -> Option<&'static Image> {
    image::all().into_iter().find(|image| image.hash == facts.hash && image.plugin == facts.name)
}

/// The image of that file, and its application's root process: plugin's code runs here, so it has limited time.
fn loaded(
    path: &Path,
    facts: &PluginFacts,
    config: Vec<u8>,
    spare: PathBuf,
    time: Duration,
) -> Result<(&'static Image, Option<Configured>, Option<RootFuture>), Failure> {
    let (path, facts, name) = (path.to_owned(), facts.clone(), facts.name.clone());
    let load = move || {
        let version = release_version(&facts.version, &facts.hash).to_string();
        let image = match loaded_before(&facts) {
            Some(image) => image,
            None => image::load(&path, &facts, &version, &HOST_TABLE, &spare)
                .map_err(|error| (format!("{name}: {error}"), None))?,
        };
        let other = facts.states.iter().find(|state| image.state_version(&state.name) != state.version);
        if let Some(state) = other {
            let reason =
                format!("{name}: its processes have another version of the state {:?} than its file", state.name);
            return Err((reason, None));
        }
        let refused = |reason| (format!("{name}: its configuration is refused: {reason}"), Some(CONFIG_HINT));
        let configured = image.application().map(|application| application.configure(&config)).transpose();
        Ok((image, configured.map_err(refused)?, root_of(image).map_err(|error| (error, None))?))
    };
    let prepare = |(error, hint): (String, Option<&str>)| refused(Step::Prepare, error, hint);
    within(time, "prepare", load).map_err(|error| prepare((error, None)))?.map_err(prepare)
}

//! Does what [`retention`](super::retention) plans, and clears away what a dead tool has left.

use super::error::StoreError;
use super::files::unread;
use super::folders::MAKING;
use super::layout::Layout;
use super::retention::{Inventory, Plan, plan};
use super::store::Store;
use semver::Version;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

impl Store {
    /// Removes what is not kept; `running` is every version that is current or has processes. Returns what went. The node calls it when no upgrade is in progress.
    ///
    /// # Errors
    /// The folder cannot be read, or something in it cannot be removed: then it is there at the next time.
    pub fn retain(&self, running: &BTreeSet<Version>, keep: u16) -> Result<Plan, StoreError> {
        // A tool that stages a release has put its files here before its manifest; nobody does while this is held.
        let _held = self.hold()?;
        let plan = plan(&self.record()?, &self.inventory()?, running, keep);
        if plan == Plan::default() {
            return Ok(plan);
        }
        // First from the record: what is named there as a way back is there.
        self.update_held(|record| plan.releases.iter().for_each(|version| record.forget(version)))?;
        let releases = plan.releases.iter().map(|version| self.layout().release(&version.to_string()));
        let plugins = plan.plugins.iter().map(|plugin| self.layout().plugins().join(plugin));
        releases.chain(plugins).try_for_each(|folder| remove(&folder))?;
        Ok(plan)
    }

    /// For a boot: removes what a tool that died has left unfinished.
    ///
    /// # Errors
    /// Something cannot be read or removed.
    pub fn clean(&self) -> Result<(), StoreError> {
        let releases = self.layout().releases();
        let unfinished = names(&releases)?.into_iter().filter(|name| name.starts_with(MAKING));
        unfinished.map(|name| releases.join(name)).try_for_each(|folder| remove(&folder))
    }

    fn inventory(&self) -> Result<Inventory, StoreError> {
        let named = |version: &Version| Some(plugins_of(self.layout(), &self.manifest(version).ok()?.plugins));
        let releases = self.versions()?.into_iter().map(|version| (version.clone(), named(&version))).collect();
        Ok(Inventory { releases, plugins: names(&self.layout().plugins())?.into_iter().collect() })
    }
}

/// The folders of `lib/` that hold these.
fn plugins_of(layout: &Layout, plugins: &[super::manifest::PluginEntry]) -> BTreeSet<String> {
    let folder = |file: &str| layout.root().join(file).parent().map(Path::to_owned);
    let name = |folder: PathBuf| Some(folder.file_name()?.to_str()?.to_owned());
    plugins.iter().filter_map(|plugin| folder(&plugin.file).and_then(name)).collect()
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unread(folder, source)),
    };
    let names = entries.map(|entry| Ok(entry?.file_name().into_string().ok())).collect::<io::Result<Vec<_>>>();
    Ok(names.map_err(|source| unread(folder, source))?.into_iter().flatten().collect())
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::File { verb: "removed", path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

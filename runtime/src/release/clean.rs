//! Does what [`retention`](super::retention) plans, and clears away what a dead tool has left.

use super::error::StoreError;
use super::files::{is_beside, unread};
use super::folders::MAKING;
use super::layout::Layout;
use super::manifest::PluginEntry;
use super::record::State;
use super::retention::{Inventory, Plan, plan};
use super::store::Store;
use crate::image::AGAIN;
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

    /// For a boot: removes what a tool or a node that died has left unfinished, in the making or on its way out.
    ///
    /// # Errors
    /// Something cannot be read or removed.
    pub fn clean(&self) -> Result<(), StoreError> {
        // Whoever writes here holds it meanwhile, and what is found is nobody's.
        let _held = self.hold()?;
        let (releases, plugins) = (self.layout().releases(), self.layout().plugins());
        remove_copies(&self.layout().run())?;
        remove_unfinished(&releases)?;
        remove_unfinished(&plugins)?;
        let folders = names(&plugins)?.into_iter().map(|plugin| plugins.join(plugin)).filter(|folder| folder.is_dir());
        folders.into_iter().try_for_each(|folder| {
            remove_unfinished(&folder)?;
            // Only one that was made for a file that never came is empty.
            let _: io::Result<()> = fs::remove_dir(folder);
            Ok(())
        })
    }

    /// For a boot, of a release whose attempt was cut off: removes it if it never served and a plugin is not what its manifest names, since the machine went
    /// down before that was on its disk. True: it has gone.
    ///
    /// # Errors
    /// Something cannot be read or removed.
    pub fn remove_if_damaged(&self, version: &Version) -> Result<bool, StoreError> {
        let _held = self.hold()?;
        if self.record()?.state(version) != State::Unpacked {
            return Ok(false);
        }
        let is_damaged = !self.manifest(version)?.plugins.iter().all(|plugin| self.has_plugin(plugin));
        if is_damaged {
            remove(&self.layout().release(&version.to_string()))?;
        }
        Ok(is_damaged)
    }

    fn inventory(&self) -> Result<Inventory, StoreError> {
        let named = |version: &Version| Some(plugins_of(self.layout(), &self.manifest(version).ok()?.plugins));
        let releases = self.versions()?.into_iter().map(|version| (version.clone(), named(&version))).collect();
        Ok(Inventory { releases, plugins: names(&self.layout().plugins())?.into_iter().collect() })
    }
}

/// The folders of `lib/` that hold these.
fn plugins_of(layout: &Layout, plugins: &[PluginEntry]) -> BTreeSet<String> {
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

fn remove_unfinished(folder: &Path) -> Result<(), StoreError> {
    for name in names(folder)? {
        let path = folder.join(&name);
        if name.starts_with(MAKING) {
            if_there(fs::remove_dir_all(&path), &path)?;
        } else if is_beside(&name) {
            if_there(fs::remove_file(&path), &path)?;
        }
    }
    Ok(())
}

/// Of plugins that a node has loaded which runs no more.
fn remove_copies(folder: &Path) -> Result<(), StoreError> {
    let copies = names(folder)?.into_iter().filter(|name| name.starts_with(AGAIN)).map(|name| folder.join(name));
    copies.into_iter().try_for_each(|copy| if_there(fs::remove_file(&copy), &copy))
}

/// Whole, for whoever looks at it: under its name it is not seen half.
fn remove(folder: &Path) -> Result<(), StoreError> {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return Ok(()) };
    let gone = folder.with_file_name(format!("{MAKING}{name}"));
    if name.starts_with(MAKING) {
        return if_there(fs::remove_dir_all(folder), folder);
    }
    // Of one that went half-way.
    if_there(fs::remove_dir_all(&gone), folder)?;
    if_there(fs::rename(folder, &gone), folder)?;
    if_there(fs::remove_dir_all(&gone), folder)
}

fn if_there(removed: io::Result<()>, path: &Path) -> Result<(), StoreError> {
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::File { verb: "removed", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

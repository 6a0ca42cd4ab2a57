//! Puts a build, or a packed release, into a node's folder: from then on it is a release there, unpacked.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use runtime::image::{PluginFacts, inspect};
use runtime::release::layout::Layout;
use runtime::release::manifest::{MANIFEST_SCHEMA, Manifest, RuntimeEntry, release_version};
use runtime::release::store::Store;
use semver::Version;
use std::path::Path;

/// A plugin's facts, or why it is refused.
pub(crate) fn facts(object: &Path) -> Result<PluginFacts, Failure> {
    inspect(object).map_err(|error| Failure::new(ExitCode::Refused, error))
}

/// This tool's version, which is its runtime's.
pub(crate) fn runtime_version() -> Version {
    env!("CARGO_PKG_VERSION").parse().unwrap_or(Version::new(0, 0, 0))
}

/// Stages a built plugin; returns the manifest of its release. `runtime_file`: the host executable's path in the folder.
pub(crate) fn stage_build(store: &Store, object: &Path, runtime_file: &str) -> Result<Manifest, Failure> {
    let facts = facts(object)?;
    let plugin = store.add_plugin(object, &facts).map_err(Failure::error)?;
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        name: facts.name.clone(),
        version: release_version(&facts.version, &facts.hash),
        runtime: RuntimeEntry { version: runtime_version(), file: runtime_file.to_owned() },
        plugins: vec![plugin],
    };
    store.add_manifest(&manifest).map_err(Failure::error)?;
    Ok(manifest)
}

/// Stages the permanent release of a release folder.
pub(crate) fn stage_release(store: &Store, folder: &Path) -> Result<Manifest, Failure> {
    let from = Store::new(Layout::new(folder));
    let refused = |message: String| Failure::new(ExitCode::Refused, message);
    let none = || {
        refused(format!("{} is no release folder", folder.display()))
            .hint("cargo system release makes one; it prints the folder's path")
    };
    let manifest = from.permanent_manifest().map_err(|error| refused(error.to_string()))?.ok_or_else(none)?;
    for plugin in &manifest.plugins {
        let object = folder.join(&plugin.file);
        let facts = facts(&object)?;
        if facts.hash != plugin.hash {
            return Err(refused(format!("{} is not the file that the release's manifest names", object.display()))
                .hint("the release is damaged: copy or make it again"));
        }
        store.add_plugin(&object, &facts).map_err(Failure::error)?;
    }
    store.add_manifest(&manifest).map_err(Failure::error)?;
    Ok(manifest)
}

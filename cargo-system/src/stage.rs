//! Puts a build, or a packed release, into a node's folder: from then on it is a release there, unpacked.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use runtime::image::{PluginFacts, inspect};
use runtime::release::layout::Layout;
use runtime::release::manifest::{MANIFEST_SCHEMA, Manifest, RuntimeEntry, release_version};
use runtime::release::settings::Settings;
use runtime::release::store::Store;
use semver::Version;
use std::path::{Component, Path};

/// A plugin's facts, or why it is refused.
pub(crate) fn facts(object: &Path) -> Result<PluginFacts, Failure> {
    inspect(object).map_err(|error| Failure::new(ExitCode::Refused, error).step("check"))
}

/// This tool's version, which is its runtime's.
pub(crate) fn runtime_version() -> Version {
    env!("CARGO_PKG_VERSION").parse().unwrap_or(Version::new(0, 0, 0))
}

/// Stages a built plugin; returns the manifest of its release. `runtime_file`: the host executable's path in the folder.
pub(crate) fn stage_build(
    store: &Store,
    object: &Path,
    runtime_file: &str,
    settings: Settings,
) -> Result<Manifest, Failure> {
    let runtime = RuntimeEntry { version: runtime_version(), file: runtime_file.to_owned() };
    stage(store, object, &facts(object)?, runtime, settings)
}

/// Stages the permanent release of a release folder.
pub(crate) fn stage_release(store: &Store, folder: &Path) -> Result<Manifest, Failure> {
    let from = Store::new(Layout::new(folder));
    let refused = |message: String| Failure::new(ExitCode::Refused, message);
    let none = || {
        refused(format!("{} is no release folder", folder.display()))
            .hint("cargo system release makes one; it prints the folder's path")
    };
    let damaged = |message: String| refused(message).hint("the release is damaged: copy or make it again");
    let manifest = from.permanent_manifest().map_err(|error| damaged(error.to_string()))?.ok_or_else(none)?;
    let [plugin] = manifest.plugins.as_slice() else {
        let message = format!("{} has {} plugins, and this tool takes one", folder.display(), manifest.plugins.len());
        return Err(refused(message));
    };
    if !is_inside(Path::new(&plugin.file)) {
        return Err(damaged(format!("the manifest in {} names a file outside: {}", folder.display(), plugin.file)));
    }
    let object = folder.join(&plugin.file);
    let facts = facts(&object)?;
    if facts.hash != plugin.hash {
        let message =
            format!("{} is not the file that the release's manifest names: its hash differs", object.display());
        return Err(damaged(message));
    }
    // The node is given no executable: it goes on in its own.
    stage(store, &object, &facts, RuntimeEntry { file: String::new(), ..manifest.runtime }, manifest.settings)
}

fn stage(
    store: &Store,
    object: &Path,
    facts: &PluginFacts,
    runtime: RuntimeEntry,
    settings: Settings,
) -> Result<Manifest, Failure> {
    let unstaged = |error| Failure { step: Some("stage".to_owned()), ..Failure::error(error) };
    let plugin = store.add_plugin(object, facts).map_err(unstaged)?;
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        name: facts.name.clone(),
        version: release_version(&facts.version, &facts.hash),
        runtime,
        plugins: vec![plugin],
        settings,
    };
    store.add_manifest(&manifest).map_err(unstaged)?;
    Ok(manifest)
}

fn is_inside(path: &Path) -> bool {
    path.components().all(|component| matches!(component, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_files_of_its_own_folder() {
        assert!(is_inside(Path::new("lib/app-1.0.0-3f2a91bc/libapp.so")));
        for outside in ["/lib/libc.so", "../lib.so", "lib/../../lib.so"] {
            assert!(!is_inside(Path::new(outside)), "{outside}");
        }
    }

    #[test]
    fn what_is_no_release_folder_is_refused() {
        let store = Store::new(Layout::new("/nonexistent/node"));
        let error = stage_release(&store, Path::new("/nonexistent/release")).expect_err("no folder");
        assert_eq!(
            (error.code, error.message.as_str()),
            (ExitCode::Refused, "/nonexistent/release is no release folder")
        );
    }
}

//! Puts a build, or a packed release, into a node's folder: from then on it is a release there, unpacked.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::signer::Signer;
use runtime::image::{InspectError, PluginFacts, inspect, inspect_whole};
use runtime::release::archive::{self, ArchiveError, Reason};
use runtime::release::config;
use runtime::release::keys::Keys;
use runtime::release::layout::Layout;
use runtime::release::manifest::{
    FileEntry, MANIFEST_SCHEMA, Manifest, PluginEntry, RuntimeEntry, sbom_file, version_of,
};
use runtime::release::settings::Settings;
use runtime::release::signature::SignatureError;
use runtime::release::store::{Store, StoreError};
use semver::Version;
use std::path::{Path, PathBuf};

/// What a release is made of besides its plugins.
pub(crate) struct Parts<'a> {
    /// The host executable's path in the folder; empty: the node has its own.
    pub(crate) runtime_file: &'a str,
    /// Files that are there already.
    pub(crate) files: Vec<FileEntry>,
    pub(crate) settings: Settings,
    /// What is linked into it; `None`: it does not say.
    pub(crate) sbom: Option<Vec<u8>>,
    /// `None`: it is not signed.
    pub(crate) signer: Option<&'a Signer>,
}

/// A plugin's facts, or why it is refused.
pub(crate) fn facts(object: &Path) -> Result<PluginFacts, Failure> {
    inspect(object).map_err(no_plugin)
}

/// A plugin as it is there now, whatever is built meanwhile.
struct Built {
    facts: PluginFacts,
    bytes: Vec<u8>,
}

impl Built {
    fn read(object: &Path) -> Result<Self, Failure> {
        let (facts, bytes) = inspect_whole(object).map_err(no_plugin)?;
        Ok(Self { facts, bytes })
    }
}

fn no_plugin(error: InspectError) -> Failure {
    Failure::new(ExitCode::Refused, error)
        .hint("build it with this cargo-system: cargo system upgrade or cargo system release")
        .step("check")
}

/// This tool's version, which is its runtime's.
pub(crate) fn runtime_version() -> Version {
    env!("CARGO_PKG_VERSION").parse().unwrap_or(Version::new(0, 0, 0))
}

/// The version of the release that these plugins make.
pub(crate) fn version<'a>(plugins: impl IntoIterator<Item = &'a PluginFacts>) -> Version {
    let said = plugins.into_iter().map(|facts| (facts.name.as_str(), &facts.version, facts.hash.as_str()));
    version_of(&said.collect::<Vec<_>>())
}

/// Stages built plugins, in the order of their application; returns the manifest of its release.
pub(crate) fn stage_build(
    store: &Store,
    name: &str,
    objects: &[PathBuf],
    parts: Parts<'_>,
) -> Result<Manifest, Failure> {
    let all = objects.iter().map(|object| Built::read(object)).collect::<Result<Vec<_>, _>>()?;
    for Built { facts, .. } in &all {
        let config = config::merged(facts.config.as_deref(), None, config::Part::Whole);
        let hint = "mend config.toml in the package, and try again";
        config.map_err(|error| refused(error.to_string()).hint(hint).step("stage"))?;
    }
    let _held = store.hold().map_err(unstaged)?;
    let (mut plugins, mut files) = (Vec::new(), parts.files);
    for Built { facts, bytes } in &all {
        let plugin = store.add_plugin(bytes, facts).map_err(unstaged)?;
        // It has that hash: that was found out from these bytes.
        files.push(FileEntry::hashed(store.layout(), &plugin.file, plugin.hash.clone()).map_err(unstaged)?);
        plugins.push(plugin);
    }
    let version = version(all.iter().map(|built| &built.facts));
    files.extend(parts.sbom.as_ref().map(|bytes| FileEntry::holding(&sbom_file(&version), bytes)));
    files.sort();
    let manifest = Manifest {
        schema: MANIFEST_SCHEMA,
        name: name.to_owned(),
        version,
        runtime: RuntimeEntry { version: runtime_version(), file: parts.runtime_file.to_owned() },
        plugins,
        settings: parts.settings,
        files,
    };
    let bytes = manifest.to_bytes().map_err(Failure::error)?;
    // Nothing has changed yet, and nothing does in a folder whose record is not understood.
    let record = store.record().map_err(|error| unread(error).step("stage"))?;
    let last = record.counter.map(|last| last.value);
    let signature = parts.signer.map(|signer| signer.sign(&manifest, &bytes, last)).transpose()?;
    let (signature, sbom) = (signature.as_deref(), parts.sbom.as_deref());
    store.add_release_with(&manifest.version, &bytes, signature, sbom).map_err(unstaged)?;
    Ok(manifest)
}

/// Stages a release: an archive, or the permanent release of a release's folder.
pub(crate) fn stage_release(store: &Store, path: &Path) -> Result<Manifest, Failure> {
    let keys = keys(store)?;
    if path.is_dir() {
        return stage_folder(store, &Store::new(Layout::new(path)), &keys);
    }
    check_there(path)?;
    let unpacked = archive::unpack(path, store, &keys, archive::Wanted::Plugins).map_err(not_taken)?;
    stage_from(store, &Store::new(unpacked.layout()), &unpacked.manifest, &keys)
}

/// The node's keys. What they trust is not known if one of them cannot be read.
pub(crate) fn keys(store: &Store) -> Result<Keys, Failure> {
    Keys::read(store.layout()).map_err(|error| Failure::from(error).refusal())
}

fn stage_folder(store: &Store, from: &Store, keys: &Keys) -> Result<Manifest, Failure> {
    let folder = from.layout().root();
    let manifest = from.permanent_manifest().map_err(unread)?;
    let manifest = manifest.ok_or_else(|| no_release(folder))?;
    manifest.check().map_err(|error| damaged(format!("the manifest in {} is wrong: {error}", folder.display())))?;
    stage_from(store, from, &manifest, keys)
}

fn stage_from(store: &Store, from: &Store, manifest: &Manifest, keys: &Keys) -> Result<Manifest, Failure> {
    let (version, root) = (&manifest.version, from.layout().root());
    let (bytes, signature) = from.manifest_bytes(version).map_err(unread)?;
    let trusted = keys.verify(manifest, &bytes, signature.as_deref()).and_then(|signed| {
        let last = store.record().ok().and_then(|record| record.counter);
        signed.map_or(Ok(()), |signed| signed.check_counter(version, last.as_ref()))
    });
    trusted.map_err(|reason| distrusted(&reason, format!("the release {version} {reason}")))?;
    let sbom = sbom_of(from, manifest)?;
    let _held = store.hold().map_err(unstaged)?;
    let mut missing = Vec::new();
    for plugin in manifest.plugins.iter().filter(|plugin| !is_there(store, plugin)) {
        let object = root.join(&plugin.file);
        let built = Built::read(&object)?;
        if built.facts.hash != plugin.hash {
            return Err(another_file(&object));
        }
        missing.push(built);
    }
    for Built { facts, bytes } in &missing {
        store.add_plugin(bytes, facts).map_err(unstaged)?;
    }
    store.add_release_with(version, &bytes, signature.as_deref(), sbom.as_deref()).map_err(unstaged)?;
    Ok(manifest.clone())
}

/// What is linked into a release, if it says so, as its manifest has it.
pub(crate) fn sbom_of(from: &Store, manifest: &Manifest) -> Result<Option<Vec<u8>>, Failure> {
    let Some(named) = manifest.sbom() else { return Ok(None) };
    let bytes = from.sbom_bytes(&manifest.version).map_err(unread)?;
    match bytes {
        Some(bytes) if FileEntry::holding(&named.path, &bytes) == *named => Ok(Some(bytes)),
        _ => Err(another_file(&from.layout().root().join(&named.path))),
    }
}

fn another_file(path: &Path) -> Failure {
    damaged(format!("{} is not the file that the release's manifest names: its hash differs", path.display()))
}

/// The file has served here, or was put here, and is whole. Nothing is read twice beside clients who wait.
fn is_there(store: &Store, plugin: &PluginEntry) -> bool {
    inspect(&store.layout().root().join(&plugin.file)).is_ok_and(|facts| facts.hash == plugin.hash)
}

fn unstaged(error: StoreError) -> Failure {
    Failure::from(error).step("stage")
}

fn refused(message: String) -> Failure {
    Failure::new(ExitCode::Refused, message)
}

/// A release that cannot be read is not taken.
pub(crate) fn unread(error: StoreError) -> Failure {
    match error {
        // The folder's own record names it.
        StoreError::NoRelease { .. } => damaged(error.to_string()),
        _ => Failure::from(error).refusal(),
    }
}

pub(crate) fn not_taken(error: ArchiveError) -> Failure {
    Failure::from(error).refusal()
}

pub(crate) fn damaged(message: String) -> Failure {
    refused(message).hint("the release is damaged: copy or make it again")
}

fn distrusted(reason: &SignatureError, message: String) -> Failure {
    refused(message).hint(reason.hint())
}

/// What cannot be looked for may be there.
pub(crate) fn check_there(path: &Path) -> Result<(), Failure> {
    match path.try_exists() {
        Ok(false) => {
            Err(refused(format!("{} is not there", path.display())).hint("name a release's folder or archive"))
        }
        _ => Ok(()),
    }
}

pub(crate) fn no_release(path: &Path) -> Failure {
    not_taken(ArchiveError { path: path.to_owned(), reason: Reason::NoArchive })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_release_is_refused() {
        let store = Store::new(Layout::new("/nonexistent/node"));
        let error = stage_release(&store, Path::new("/nonexistent/release")).expect_err("no folder");
        assert_eq!((error.code, error.message.as_str()), (ExitCode::Refused, "/nonexistent/release is not there"));
        let error = stage_release(&store, Path::new("/proc")).expect_err("no release's folder");
        assert_eq!(error.message, "/proc is no release folder or archive");
    }
}

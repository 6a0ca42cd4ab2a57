//! Is a release whole, and whose is it? None of its code runs, and nothing is changed.
//!
//! ```text
//! archive ─► taken apart into a folder of its own, which goes again ─┐
//! folder  ─► the release that boots there ───────────────────────────┴─► manifest, signature, files ─► 0, or 14 when it is not whole
//! ```
//!
//! A node's folder has more in it than its release: configuration, keys, hooks, logs, older releases. So `inspect` looks at what the release names, and
//! `release verify`, which is for what is to be shipped, at all there is.

use crate::answers::{Difference, Found, SignedBy};
use crate::exit_code::ExitCode;
use crate::failure::{Failure, More, OrHint as _};
use crate::hints;
use crate::stage::{check_there, damaged, no_release, not_taken, sbom_of, unread};
use anyhow::Context as _;
use runtime::image::inspect;
use runtime::release::archive;
use runtime::release::keys::{Key, Keys};
use runtime::release::layout::Layout;
use runtime::release::manifest::{FileEntry, Manifest, PluginEntry};
use runtime::release::record::Record;
use runtime::release::signature::{SignatureError, Signed, signer};
use runtime::release::store::Store;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many files that do not belong to a release are told; a folder may have any number.
const OTHERS_MAX: usize = 100;

/// How far a look goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// To the files that the release names.
    Named,
    /// Plugins are what the manifest says of them, too, and there is nothing else.
    Alone,
}

/// A release that is whole.
pub(crate) struct Whole {
    pub(crate) manifest: Manifest,
    pub(crate) signature: Signature,
    /// What is linked into it, if it says so: CycloneDX.
    pub(crate) sbom: Option<Value>,
}

/// What is known of who made it.
pub(crate) enum Signature {
    None,
    /// Nobody has said whose key it should be.
    Unchecked(String),
    Checked(Signed),
}

/// Looks at an archive, or at the release that boots in a folder. It must be signed by one of these public keys, if any are given.
pub(crate) fn look(path: &Path, keys: &[PathBuf], depth: Depth) -> Result<Whole, Failure> {
    let trusted = keys.iter().map(|key| Key::read(key)).collect::<Result<Vec<_>, _>>();
    let trusted = trusted.map_err(|error| Failure::error(error).hint("cargo system keys generate makes keys"))?;
    let keys = Keys { trusted, ..Keys::default() };
    if path.is_dir() {
        return whole_folder(&Store::new(Layout::new(path)), &keys, depth);
    }
    check_there(path)?;
    let place = tempfile::tempdir().context("there is no folder to take it apart in").or_hint(hints::TEMPORARY)?;
    let unpacked = archive::unpack(path, &Store::new(Layout::new(place.path())), &keys, archive::Wanted::Plugins);
    let unpacked = unpacked.map_err(|error| match &error.reason {
        archive::Reason::Signature(reason) => not_by_whom(&path.display().to_string(), reason),
        _ => not_taken(error),
    })?;
    let (layout, manifest) = (unpacked.layout(), &unpacked.manifest);
    if depth == Depth::Alone {
        let differing = manifest.plugins.iter().filter_map(|plugin| of_plugin(layout.root(), plugin));
        none(path, differing.collect())?;
    }
    let store = Store::new(layout);
    let signature = check_signature(&store, manifest, &keys)?;
    whole(&store, manifest.clone(), signature)
}

fn whole_folder(store: &Store, keys: &Keys, depth: Depth) -> Result<Whole, Failure> {
    let folder = store.layout().root();
    let manifest = store.permanent_manifest().map_err(unread)?;
    let manifest = manifest.ok_or_else(|| no_release(folder))?;
    manifest.check().map_err(|error| damaged(format!("the manifest in {} is wrong: {error}", folder.display())))?;
    // Before anything that it names is looked at.
    let signature = check_signature(store, &manifest, keys)?;
    let mut differing: Vec<_> = manifest.files.iter().filter_map(|file| of_file(store.layout(), file)).collect();
    if depth == Depth::Alone {
        let is_intact = |plugin: &&PluginEntry| !differing.iter().any(|differing| differing.path == plugin.file);
        let plugins = manifest.plugins.iter().filter(is_intact);
        let wrong: Vec<_> = plugins.filter_map(|plugin| of_plugin(folder, plugin)).collect();
        differing.extend(wrong);
        differing.extend(others(store, &manifest).with_context(|| format!("{} cannot be read", folder.display()))?);
    }
    none(folder, differing)?;
    whole(store, manifest, signature)
}

fn whole(store: &Store, manifest: Manifest, signature: Signature) -> Result<Whole, Failure> {
    let sbom = sbom_of(store, &manifest)?.map(|bytes| serde_json::from_slice(&bytes)).transpose();
    let sbom = sbom.map_err(|error| damaged(format!("what the release says is linked into it is no JSON: {error}")))?;
    Ok(Whole { manifest, signature, sbom })
}

fn check_signature(store: &Store, manifest: &Manifest, keys: &Keys) -> Result<Signature, Failure> {
    let (bytes, signature) = store.manifest_bytes(&manifest.version).map_err(unread)?;
    let checked = keys.verify(manifest, &bytes, signature.as_deref());
    let checked = checked.map_err(|reason| not_by_whom(&format!("the release {}", manifest.version), &reason))?;
    match (checked, signature) {
        (Some(signed), _) => Ok(Signature::Checked(signed)),
        (None, Some(bytes)) => match signer(&bytes) {
            Some(id) => Ok(Signature::Unchecked(id.to_string())),
            None => Err(damaged(format!("the release {} has a signature that is none", manifest.version))),
        },
        (None, None) => Ok(Signature::None),
    }
}

/// No node is asked here: whom to trust is what `--key` says.
fn not_by_whom(what: &str, reason: &SignatureError) -> Failure {
    let (reason, hint) = match reason {
        SignatureError::Missing => ("is not signed".to_owned(), reason.hint()),
        SignatureError::Untrusted(key) => {
            let given = "and not with one that was given";
            (
                format!("is signed with the key {key}, {given}"),
                "give the public key of whom it should come from with --key",
            )
        }
        _ => (reason.to_string(), reason.hint()),
    };
    Failure::new(ExitCode::Refused, format!("{what} {reason}")).hint(hint)
}

fn of_file(layout: &Layout, named: &FileEntry) -> Option<Difference> {
    let path = layout.root().join(&named.path);
    let what = match fs::symlink_metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => "is not there".to_owned(),
        Err(error) => format!("cannot be read: {error}"),
        Ok(there) if !there.is_file() => "is no file".to_owned(),
        Ok(there) if there.len() != named.size => {
            format!("has {} bytes, where its manifest names {}", there.len(), named.size)
        }
        Ok(_) => match FileEntry::of(layout, &named.path) {
            Err(error) => error.to_string(),
            Ok(there) if there.hash != named.hash => "has another hash than its manifest names".to_owned(),
            Ok(there) if there.executable != named.executable => {
                format!("may {}be run, and its manifest says otherwise", if there.executable { "" } else { "not " })
            }
            Ok(_) => return None,
        },
    };
    Some(Difference { path: named.path.clone(), what, other: false })
}

fn of_plugin(root: &Path, named: &PluginEntry) -> Option<Difference> {
    let what = match inspect(&root.join(&named.file)) {
        Err(error) => error.reason(),
        Ok(facts) if PluginEntry::of(&facts) != *named => "says otherwise of itself than its manifest does".to_owned(),
        Ok(_) => return None,
    };
    Some(Difference { path: named.file.clone(), what, other: false })
}

/// What stands in the folder and does not belong to the release.
fn others(store: &Store, manifest: &Manifest) -> io::Result<Vec<Difference>> {
    let (layout, version) = (store.layout(), manifest.version.to_string());
    let root = layout.root();
    let beside = [layout.manifest(&version), layout.signature(&version), layout.record()];
    let named = manifest.files.iter().map(|file| root.join(&file.path));
    let own: BTreeSet<PathBuf> = named.chain(beside).collect();
    let other = |path: &Path, what: &str| {
        let path = path.strip_prefix(root).unwrap_or(path).display().to_string();
        Difference { path, what: what.to_owned(), other: true }
    };
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, kind) = (entry.path(), entry.file_type()?);
            match own.contains(&path) {
                // What is no file there was told already, if the manifest names it.
                true if kind.is_file() || manifest.files.iter().any(|file| root.join(&file.path) == path) => {}
                false if kind.is_dir() && own.iter().any(|own| own.starts_with(&path)) => open.push(path),
                _ => found.push(other(&path, "is not named by its manifest")),
            }
            if found.len() == OTHERS_MAX {
                return Ok(found);
            }
        }
    }
    if store.record().ok() != Some(Record::first(&manifest.version)) {
        found.push(other(&layout.record(), "says more than that this release boots"));
    }
    found.sort();
    Ok(found)
}

/// There is no difference.
fn none(release: &Path, differing: Vec<Difference>) -> Result<(), Failure> {
    let Some(first) = differing.first() else { return Ok(()) };
    let more = if differing.len() > 1 { format!(", and {} more", differing.len() - 1) } else { String::new() };
    let message = format!("{} is not as its manifest says: {} {}{more}", release.display(), first.path, first.what);
    let mut failure = damaged(message);
    if differing.iter().all(|differing| differing.other) {
        failure =
            failure.hint("a node's folder has more in it than its release: cargo system inspect looks at that alone");
    }
    let lines = differing.iter().map(|Difference { path, what, .. }| format!("  {path} {what}\n"));
    let details = (differing.len() > 1).then(|| lines.collect::<String>().into());
    failure.more = Box::new(More { details, found: Some(Found::Differences(differing)), ..More::default() });
    Err(failure)
}

impl Whole {
    /// The packages that are linked into its plugins, and these: components of CycloneDX. `None`: it does not say.
    pub(crate) fn packages(&self) -> Option<Vec<&Value>> {
        let components = self.sbom.as_ref()?["components"].as_array()?;
        Some(components.iter().filter(|component| component["type"] == "library").collect())
    }

    /// Who signed it, in one line.
    pub(crate) fn signed(&self) -> String {
        match &self.signature {
            Signature::None => "not signed".to_owned(),
            Signature::Unchecked(key) => format!("signed by {key}, which was not checked: --key FILE checks it"),
            Signature::Checked(signed) => format!("signed by {}, counter {}", signed.key, signed.counter),
        }
    }

    /// The same, for programs.
    pub(crate) fn signed_by(&self) -> Option<SignedBy> {
        match &self.signature {
            Signature::None => None,
            Signature::Unchecked(key) => Some(SignedBy { key: key.clone(), checked: false, counter: None }),
            Signature::Checked(Signed { key, counter, .. }) => {
                Some(SignedBy { key: key.to_string(), checked: true, counter: Some(*counter) })
            }
        }
    }
}

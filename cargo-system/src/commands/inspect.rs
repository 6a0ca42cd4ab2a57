//! `inspect`: what a release is made of, once all of it was checked: each file's hash, and its signature. None of its code runs, and nothing is changed.
//!
//! ```text
//! archive ─► taken apart into a folder of its own, which goes again ─┐
//! folder  ─► the release that boots there ───────────────────────────┴─► manifest, signature, files ─► 0, or 14 when it is not whole
//! ```

use crate::answers::{Answer, Done, Inspected, SignedBy};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::output;
use crate::stage::{damaged, no_release};
use crate::table::table;
use anyhow::Context as _;
use runtime::release::archive;
use runtime::release::keys::{Key, Keys};
use runtime::release::layout::{Layout, short_hash};
use runtime::release::manifest::{FileEntry, Manifest, PluginEntry};
use runtime::release::signature::{SignatureError, Signed, signer};
use runtime::release::store::Store;
use runtime::schema::{StateRecord, render};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) fn inspect(context: &Context, path: &Path, keys: &[PathBuf]) -> Result<(), Failure> {
    let found = look(path, keys)?;
    if context.json() {
        output::json(Answer::Whole(Done::new(found.into_answer())));
    } else {
        output::line(found.render().trim_end());
    }
    Ok(())
}

/// A release that is whole.
struct Found {
    manifest: Manifest,
    signature: Signature,
}

/// What is known of who made it.
enum Signature {
    None,
    /// Nobody has said whose key it should be.
    Unchecked(String),
    Checked(Signed),
}

fn look(path: &Path, keys: &[PathBuf]) -> Result<Found, Failure> {
    let trusted = keys.iter().map(|key| Key::read(key)).collect::<Result<Vec<_>, _>>();
    let trusted = trusted.map_err(|error| Failure::error(error).hint("cargo system keys generate makes keys"))?;
    let keys = Keys { trusted, ..Keys::default() };
    if path.is_dir() {
        return whole_folder(&Store::new(Layout::new(path)), &keys);
    }
    if !path.exists() {
        return Err(no_release(path));
    }
    let place = tempfile::tempdir().context("there is no folder to take it apart in")?;
    let unpacked = archive::unpack(path, &Store::new(Layout::new(place.path())), &keys, archive::Wanted::Plugins);
    let unpacked = unpacked.map_err(|error| match &error.reason {
        archive::Reason::Signature(reason) => not_by_whom(&path.display().to_string(), reason),
        _ => damaged(error.to_string()),
    })?;
    found(&Store::new(unpacked.layout()), unpacked.manifest.clone(), &keys)
}

/// The release that boots in a folder, once each of its files was looked at.
pub(super) fn whole(store: &Store) -> Result<Manifest, Failure> {
    whole_folder(store, &Keys::default()).map(|found| found.manifest)
}

fn whole_folder(store: &Store, keys: &Keys) -> Result<Found, Failure> {
    let folder = store.layout().root();
    let manifest = store.permanent_manifest().map_err(|error| damaged(error.to_string()))?;
    let manifest = manifest.ok_or_else(|| no_release(folder))?;
    manifest.check().map_err(|error| damaged(format!("the manifest in {} is wrong: {error}", folder.display())))?;
    for file in &manifest.files {
        let there = FileEntry::of(store.layout(), &file.path).map_err(|error| damaged(error.to_string()))?;
        if there != *file {
            let file = folder.join(&file.path);
            return Err(damaged(format!("{} is not the file that the release's manifest names", file.display())));
        }
    }
    found(store, manifest, keys)
}

fn found(store: &Store, manifest: Manifest, keys: &Keys) -> Result<Found, Failure> {
    let (bytes, signature) = store.manifest_bytes(&manifest.version).map_err(|error| damaged(error.to_string()))?;
    let checked = keys.verify(&manifest, &bytes, signature.as_deref());
    let checked = checked.map_err(|reason| not_by_whom(&format!("the release {}", manifest.version), &reason))?;
    let signature = match (checked, signature) {
        (Some(signed), _) => Signature::Checked(signed),
        (None, Some(bytes)) => match signer(&bytes) {
            Some(id) => Signature::Unchecked(id.to_string()),
            None => return Err(damaged(format!("the release {} has a signature that is none", manifest.version))),
        },
        (None, None) => Signature::None,
    };
    Ok(Found { manifest, signature })
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

impl Found {
    fn into_answer(self) -> Inspected {
        let signature = match self.signature {
            Signature::None => None,
            Signature::Unchecked(key) => Some(SignedBy { key, checked: false, counter: None }),
            Signature::Checked(Signed { key, counter, .. }) => {
                Some(SignedBy { key: key.to_string(), checked: true, counter: Some(counter) })
            }
        };
        Inspected { release: self.manifest, signature }
    }

    fn render(&self) -> String {
        let Manifest { name, version, runtime, plugins, files, .. } = &self.manifest;
        let runs = if runtime.file.is_empty() { "of whoever runs it" } else { runtime.file.as_str() };
        let mut text = format!("{name} {version}\nruntime {}, {runs}\n{}\n\n", runtime.version, self.signed());
        text +=
            &table(["PLUGIN", "ABI", "TARGET", "COMPILER", "HASH"], &plugins.iter().map(plugin).collect::<Vec<_>>());
        for plugin in plugins {
            text += &types(plugin, "state", &plugin.states);
            text += &types(plugin, "message", &plugin.messages);
        }
        text.push('\n');
        text += &table(["FILE", "BYTES", "SHA-256"], &files.iter().map(file).collect::<Vec<_>>());
        let _ = writeln!(text, "\nit is whole: {} files are as its manifest says", files.len());
        text
    }

    fn signed(&self) -> String {
        match &self.signature {
            Signature::None => "not signed".to_owned(),
            Signature::Unchecked(key) => format!("signed by {key}, which was not checked: --key FILE checks it"),
            Signature::Checked(signed) => format!("signed by {}, counter {}", signed.key, signed.counter),
        }
    }
}

fn plugin(plugin: &PluginEntry) -> [String; 5] {
    let PluginEntry { name, version, hash, abi, target, compiler, .. } = plugin;
    [format!("{name} {version}"), abi.clone(), target.clone(), compiler.clone(), short_hash(hash).to_owned()]
}

fn file(file: &FileEntry) -> [String; 3] {
    [file.path.clone(), file.size.to_string(), file.hash.clone()]
}

/// Each with what it looks like.
fn types(plugin: &PluginEntry, kind: &str, records: &[StateRecord]) -> String {
    let indented = |shape: &str| shape.lines().map(|line| format!("    {line}\n")).collect::<String>();
    let of = |record: &StateRecord| {
        let StateRecord { name, version, shape, .. } = record;
        format!("\n{kind} {}, version {version}, of {}\n{}", name.escape_debug(), plugin.name, indented(&render(shape)))
    };
    records.iter().map(of).collect()
}

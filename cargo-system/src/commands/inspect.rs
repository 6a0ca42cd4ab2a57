//! `inspect`: what a release is made of, once all of it was checked (see `whole`): each file's hash, and its signature.

use crate::answers::{Answer, Done, Inspected};
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::table::table;
use crate::whole::{Depth, Whole, look};
use runtime::release::layout::short_hash;
use runtime::release::manifest::{FileEntry, Manifest, PluginEntry};
use runtime::schema::{StateRecord, render};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

pub(super) fn inspect(context: &Context, path: &Path, keys: &[PathBuf]) -> Result<(), Failure> {
    let found = Found(look(path, keys, Depth::Named)?);
    if context.json() {
        output::json(Answer::Whole(Done::new(found.into_answer())));
    } else {
        output::line(found.render().trim_end());
    }
    Ok(())
}

/// A release that is whole, as it is shown.
struct Found(Whole);

impl Found {
    fn into_answer(self) -> Inspected {
        let dependencies = self.0.packages().map(|packages| packages.into_iter().cloned().collect());
        Inspected { signature: self.0.signed_by(), dependencies, release: self.0.manifest }
    }

    fn render(&self) -> String {
        let Manifest { name, version, runtime, plugins, files, .. } = &self.0.manifest;
        let runs = if runtime.file.is_empty() { "of whoever runs it" } else { runtime.file.as_str() };
        let mut text = format!("{name} {version}\nruntime {}, {runs}\n{}\n", runtime.version, self.0.signed());
        let _ = writeln!(text, "{}\n", self.linked());
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

    fn linked(&self) -> String {
        match self.0.packages() {
            Some(packages) => format!("linked of {} packages: --json has them", packages.len()),
            None => "it does not say what is linked into it".to_owned(),
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

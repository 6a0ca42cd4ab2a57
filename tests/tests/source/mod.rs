//! Reads the workspace's sources for the tidy test: by lines, as rustfmt writes them, which the format check guarantees.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Folders that hold no source of ours.
const SKIPPED: &[&str] = &["target", ".git"];

/// A source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the repository's root, with `/`.
    pub(crate) path: String,
    /// The whole file.
    pub(crate) text: String,
}

impl Source {
    /// Lines that are not wholly comment, with their numbers.
    pub(crate) fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The top module of the runtime that this file belongs to; `lib.rs` has none: it lists them all.
    pub(crate) fn room(&self) -> Option<String> {
        let inside = self.path.strip_prefix("runtime/src/")?;
        let room = inside.split('/').next()?.trim_end_matches(".rs");
        (room != "lib" && room != "bin" && room != "main").then(|| room.to_owned())
    }

    /// The rooms that this file names by `crate::room`, also inside `use crate::{…}`.
    pub(crate) fn used_rooms(&self, rooms: &BTreeSet<String>) -> BTreeSet<String> {
        let code: String = self.code_lines().flat_map(|(_, line)| [line, "\n"]).collect();
        let mut used = BTreeSet::new();
        for (at, start) in code.match_indices("crate::") {
            let rest = &code[at + start.len()..];
            let names = rest.strip_prefix('{').map_or_else(|| vec![first_word(rest)], group_heads);
            used.extend(names.into_iter().filter(|name| rooms.contains(*name)).map(str::to_owned));
        }
        used
    }

    /// Is there unsafe code: a block, a function, an implementation, or an unsafe attribute?
    pub(crate) fn has_unsafe(&self) -> bool {
        let marks = ["unsafe {", "unsafe fn ", "unsafe impl", "unsafe extern", "#[unsafe("].map(str::to_owned);
        self.code_lines().any(|(_, line)| {
            let types_only =
                line.contains(": unsafe extern") || line.contains("= unsafe extern") || line.contains("<unsafe extern");
            let quoted = line.contains("\"unsafe");
            !quoted && !types_only && marks.iter().any(|mark| line.contains(mark.as_str()))
        })
    }

    /// Functions and their lengths, from the line of `fn` to the closing brace in the same column.
    pub(crate) fn functions(&self) -> Vec<(String, usize)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let mut functions = Vec::new();
        for (start, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let indent = line.len() - line.trim_start().len();
            let ends = |line: &&str| line.len() == indent + 1 && line.trim_start() == "}";
            let has_body = lines[start..].iter().take_while(|line| !ends(line)).any(|line| line.ends_with('{'));
            let end = lines[start..].iter().position(ends);
            if let (Some(len), true, false) = (end, has_body, line.ends_with(';') || line.ends_with('}')) {
                functions.push((name.to_owned(), len + 1));
            }
        }
        functions
    }
}

/// The name in a line that begins a function.
fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    loop {
        if let Some(name) = rest.strip_prefix("fn ") {
            return Some(first_word(name));
        }
        let (word, after) = rest.split_once(' ')?;
        let modifier =
            word == "const" || word == "async" || word == "unsafe" || word == "extern" || word.starts_with("pub");
        if !modifier && word != "\"C\"" {
            return None;
        }
        rest = after;
    }
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    &text[..end]
}

/// The first words of each part of `a::b, c::{d, e}, f}…`, the group's opening brace already gone.
fn group_heads(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                heads.push(first_word(group[start..at].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                heads.push(first_word(group[start..at].trim_start()));
                start = at + 1;
            }
            _ => {}
        }
    }
    heads
}

/// Every Rust source of the repository.
pub(crate) fn workspace_sources() -> Vec<Source> {
    let root = system_tests::workspace::root();
    let mut sources = Vec::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 20, "the sources were not found under {}", root.display());
    sources
}

fn collect(root: &Path, folder: &Path, into: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !SKIPPED.contains(&name.as_str()) {
            collect(root, &path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a readable source");
            let path = path.strip_prefix(root).expect("inside the root").to_string_lossy().replace('\\', "/");
            into.push(Source { path, text });
        }
    }
}

/// Each package of the workspace, and those of the workspace that it depends on, of any kind.
pub(crate) fn package_edges() -> BTreeMap<String, Vec<String>> {
    let mut cargo = Command::new(system_tests::workspace::cargo());
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(system_tests::workspace::root());
    let output = cargo.output().expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(name).collect();
    let edges = packages.iter().map(|package| {
        let uses = package["dependencies"].as_array().into_iter().flatten().map(name);
        (name(package), uses.filter(|used| ours.contains(used)).collect())
    });
    edges.collect()
}

//! What the folders of this machine are called in all that is compiled: in panics, in events of the log, and in debug information.
//!
//! ```text
//! the workspace                          .                 relative to it, as cargo has it
//! packages of a registry                 /cargo/registry/<name>-<version>
//! packages of a git repository           /cargo/git/<repository>/<commit>
//! packages elsewhere on this machine     /cargo/path/<name>-<version>
//! what build scripts have written        /cargo/target
//! the standard library                   /rustc/<commit>   as it calls itself where its source is not there
//! ```
//!
//! The compiler takes the last rule that fits, so one for a folder comes behind those for the folders around it.

use super::compiler::Compiler;
use cargo_metadata::camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, Package};
use std::collections::BTreeMap;

/// See the file's head.
#[derive(Debug)]
pub(super) struct Places {
    workspace: Utf8PathBuf,
    names: BTreeMap<Utf8PathBuf, String>,
}

impl Places {
    pub(super) fn of(metadata: &Metadata, compiler: &Compiler) -> Self {
        let workspace = metadata.workspace_root.clone();
        let mut places = Self { workspace, names: BTreeMap::new() };
        places.add(&compiler.library, compiler.library_name.clone());
        places.add(&metadata.workspace_root, ".".to_owned());
        let targets = metadata.build_directory.iter().chain([&metadata.target_directory]);
        targets.for_each(|target| places.add(target, "/cargo/target".to_owned()));
        for package in &metadata.packages {
            places.add_package(package);
        }
        places
    }

    fn add(&mut self, folder: &Utf8Path, name: String) {
        // Of the folder that it works in the compiler knows the path without links, and of all others what cargo calls them.
        if let Ok(real) = folder.canonicalize_utf8() {
            self.names.insert(real, name.clone());
        }
        self.names.insert(folder.to_owned(), name);
    }

    fn add_package(&mut self, package: &Package) {
        let folder = folder(package);
        match package.source.as_ref().map(|source| source.repr.as_str()) {
            Some(source) if source.starts_with("git+") => match checkouts(folder) {
                Some(checkouts) => self.add(checkouts, "/cargo/git".to_owned()),
                None => self.add(folder, format!("/cargo/git/{}-{}", package.name, package.version)),
            },
            Some(_) => self.add(folder.parent().unwrap_or(folder), "/cargo/registry".to_owned()),
            None if folder.starts_with(&self.workspace) => {}
            None => self.add(folder, format!("/cargo/path/{}-{}", package.name, package.version)),
        }
    }

    /// For the compiler.
    pub(super) fn flags(&self) -> Vec<String> {
        // In the order of paths a folder comes before what is in it.
        self.names.iter().map(|(folder, name)| format!("--remap-path-prefix={folder}={name}")).collect()
    }

    /// What a package of no registry is called: its folder in the workspace, or else what the compiler calls it.
    pub(super) fn of_local(&self, package: &Package) -> String {
        let folder = folder(package);
        match folder.strip_prefix(&self.workspace) {
            Ok(own) if own.as_str().is_empty() => ".".to_owned(),
            Ok(own) => own.to_string(),
            Err(_) => format!("{}-{}", package.name, package.version),
        }
    }
}

fn folder(package: &Package) -> &Utf8Path {
    package.manifest_path.parent().unwrap_or(&package.manifest_path)
}

/// The folder of all checkouts of git repositories that this one is in. Below it, cargo names folders after repositories and commits.
fn checkouts(folder: &Utf8Path) -> Option<&Utf8Path> {
    folder.ancestors().find(|folder| folder.ends_with("git/checkouts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_folders_come_behind_those_around_them() {
        let mut places = Places { workspace: "/w/app".into(), names: BTreeMap::new() };
        for (folder, name) in
            [("/w/app/target", "/cargo/target"), ("/w/app", "."), ("/w/app-2/x", "/cargo/path/x-1.0.0"), ("/w", "w")]
        {
            places.add(Utf8Path::new(folder), name.to_owned());
        }
        let flags = places.flags();
        let at = |flag: &str| flags.iter().position(|other| other == flag).expect("there");
        assert!(at("--remap-path-prefix=/w=w") < at("--remap-path-prefix=/w/app=."));
        assert!(at("--remap-path-prefix=/w/app=.") < at("--remap-path-prefix=/w/app/target=/cargo/target"));
    }

    #[test]
    fn a_checkout_is_named_after_its_repository_and_commit() {
        let folder = Utf8Path::new("/h/.cargo/git/checkouts/tools-0a1b/99aabbc/crates/tool");
        assert_eq!(checkouts(folder), Some(Utf8Path::new("/h/.cargo/git/checkouts")));
        assert_eq!(checkouts(Utf8Path::new("/h/vendor/tool")), None);
    }
}

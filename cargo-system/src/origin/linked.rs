//! What is linked into a plugin: itself, and the packages that it depends on, directly or not, for its target and with its features.
//!
//! `cargo metadata` has the graph, but of a workspace as a whole: a dependency that only another member's features turn on is in it, too. `cargo tree` says
//! which packages this plugin has, and nothing of them that a program could read. So the graph is of the one, and what is in it of the other. Procedural
//! macros, build scripts and what only they need run at the build and are linked into nothing.

use super::places::Places;
use crate::failure::{Failure, OrHint as _};
use crate::hints;
use crate::workspace::Plugin;
use anyhow::Context as _;
use cargo_metadata::{DependencyKind, Metadata, Node, NodeDep, PackageId};
use semver::Version;
use serde::Deserialize;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::process::Command;

/// See the file's head. In the order of names, versions and sources.
#[derive(Debug)]
pub(super) struct Linked {
    pub(super) packages: Vec<Package>,
    /// Which of them is the plugin.
    pub(super) root: usize,
}

/// One of them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: Version,
    pub(super) source: Source,
    /// Hex SHA-256 of what the registry has.
    pub(super) checksum: Option<String>,
    pub(super) licence: Option<String>,
    /// What it uses, of the plugin's packages.
    pub(super) dependencies: Vec<usize>,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    CratesIo,
    /// Another registry, by its address.
    Registry(String),
    /// A repository's address and commit.
    Git {
        address: String,
        commit: String,
    },
    /// Nobody has published it: what its folder is called (see `places`).
    Local(String),
}

impl Linked {
    pub(super) fn of(metadata: &Metadata, plugin: &Plugin, target: &str, places: &Places) -> Result<Self, Failure> {
        let unknown = || {
            Failure::error(format!("cargo does not know what {} depends on", plugin.name)).hint(hints::NAMED_BY_CARGO)
        };
        let is_it = |package: &&cargo_metadata::Package| plugin.manifest_path == package.manifest_path.as_std_path();
        let named = metadata.packages.iter().find(is_it);
        let root = named.map(|package| &package.id).ok_or_else(unknown)?;
        let nodes = metadata.resolve.as_ref().ok_or_else(unknown)?.nodes.iter();
        let nodes: HashMap<_, _> = nodes.map(|node| (&node.id, node)).collect();
        let used = used(plugin, target)?;
        let is_linked = |dependency: &&NodeDep| {
            let package = &metadata[&dependency.pkg];
            dependency.dep_kinds.iter().any(|info| info.kind == DependencyKind::Normal)
                && !package.targets.iter().any(cargo_metadata::Target::is_proc_macro)
                && used.contains(&(package.name.to_string(), package.version.to_string()))
        };
        let uses = |node: &&Node| node.deps.iter().filter(is_linked).map(|dependency| dependency.pkg.clone()).collect();
        let reached = reached(root, |id| nodes.get(id).map(uses).unwrap_or_default());
        Ok(Self::sorted(metadata, root, &reached, places)?)
    }

    fn sorted(
        metadata: &Metadata,
        root: &PackageId,
        reached: &BTreeMap<PackageId, Vec<PackageId>>,
        places: &Places,
    ) -> anyhow::Result<Self> {
        let checksums = checksums(metadata)?;
        let package = |id: &PackageId| {
            let package = &metadata[id];
            let source = package.source.as_ref().map(|source| source.repr.as_str());
            let key = (package.name.to_string(), package.version.to_string(), source.map(str::to_owned));
            Package {
                name: package.name.to_string(),
                version: package.version.clone(),
                source: Source::of(source, || places.of_local(package)),
                checksum: checksums.get(&key).cloned(),
                licence: package.license.clone(),
                dependencies: Vec::new(),
            }
        };
        let mut packages: Vec<_> = reached.keys().map(|id| (package(id), id)).collect();
        packages.sort();
        let numbers: HashMap<_, _> = packages.iter().enumerate().map(|(number, (_, id))| (*id, number)).collect();
        let used = |(mut package, id): (Package, &PackageId)| {
            package.dependencies = reached[id].iter().filter_map(|id| numbers.get(id).copied()).collect();
            package.dependencies.sort_unstable();
            package
        };
        let root = numbers.get(root).copied().unwrap_or_default();
        Ok(Self { packages: packages.into_iter().map(used).collect(), root })
    }
}

impl Source {
    /// As cargo writes it; `None`: a folder of that name.
    fn of(text: Option<&str>, local: impl FnOnce() -> String) -> Self {
        match text {
            None => Self::Local(local()),
            Some("registry+https://github.com/rust-lang/crates.io-index") => Self::CratesIo,
            Some(text) => match text.strip_prefix("git+") {
                Some(git) => {
                    let (address, commit) = git.split_once('#').unwrap_or((git, ""));
                    let address = address.split('?').next().unwrap_or(address);
                    Self::Git { address: address.to_owned(), commit: commit.to_owned() }
                }
                None => Self::Registry(text.trim_start_matches("registry+").to_owned()),
            },
        }
    }
}

/// All that can be reached from there, with what each uses.
fn reached(root: &PackageId, uses: impl Fn(&PackageId) -> Vec<PackageId>) -> BTreeMap<PackageId, Vec<PackageId>> {
    let mut reached = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(id) = open.pop() {
        if let Entry::Vacant(place) = reached.entry(id) {
            let used = uses(place.key());
            open.extend(used.iter().cloned());
            place.insert(used);
        }
    }
    reached
}

/// The names and versions of the packages that `cargo tree` lists.
fn used(plugin: &Plugin, target: &str) -> Result<BTreeSet<(String, String)>, Failure> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["tree", "--color", "never", "--prefix", "none", "--format", "{p}"]);
    command.args(["--edges", "normal,no-proc-macro", "--target", target, "--manifest-path"]).arg(&plugin.manifest_path);
    let said = command.output().context("cargo cannot be run").or_hint(hints::CARGO)?;
    if !said.status.success() {
        let message = format!("cargo tree fails: {}", String::from_utf8_lossy(&said.stderr).trim());
        return Err(Failure::error(message).hint(hints::NAMED_BY_CARGO));
    }
    Ok(String::from_utf8_lossy(&said.stdout).lines().filter_map(name_and_version).collect())
}

/// Of a line such as `plugin-abi v0.1.0 (/w/plugin-abi) (*)`.
fn name_and_version(line: &str) -> Option<(String, String)> {
    let mut words = line.split_whitespace();
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    Some((name.to_owned(), version.to_owned()))
}

/// A package's name, version and source.
type Key = (String, String, Option<String>);

/// What registries have said of their packages, as `Cargo.lock` keeps it.
fn checksums(metadata: &Metadata) -> anyhow::Result<HashMap<Key, String>> {
    let path = metadata.workspace_root.join("Cargo.lock");
    let text = fs::read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    parse_checksums(&text).with_context(|| format!("{path} is wrong"))
}

fn parse_checksums(text: &str) -> anyhow::Result<HashMap<Key, String>> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        source: Option<String>,
        checksum: Option<String>,
    }
    let lock: Lock = toml::from_str(text)?;
    let known = |locked: Locked| Some(((locked.name, locked.version, locked.source), locked.checksum?));
    Ok(lock.package.into_iter().filter_map(known).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_lines_have_a_name_and_a_version() {
        let of = |line: &str| name_and_version(line).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(of("axum v0.8.9").as_deref(), Some("axum 0.8.9"));
        assert_eq!(of("plugin-abi v0.1.0 (/w/a b/plugin-abi) (*)").as_deref(), Some("plugin-abi 0.1.0"));
        assert_eq!(of("wasi v0.11.1+wasi-snapshot").as_deref(), Some("wasi 0.11.1+wasi-snapshot"));
        assert_eq!(of("").or_else(|| of("[build-dependencies]")), None);
    }

    #[test]
    fn a_source_is_told_by_how_cargo_writes_it() {
        let of = |text| Source::of(text, || "app".to_owned());
        assert_eq!(of(None), Source::Local("app".to_owned()));
        assert_eq!(of(Some("registry+https://github.com/rust-lang/crates.io-index")), Source::CratesIo);
        assert_eq!(of(Some("sparse+https://x.test/i/")), Source::Registry("sparse+https://x.test/i/".to_owned()));
        assert_eq!(of(Some("registry+https://x.test/i")), Source::Registry("https://x.test/i".to_owned()));
        let git = Source::Git { address: "https://x.test/r".to_owned(), commit: "0a1b".to_owned() };
        assert_eq!(of(Some("git+https://x.test/r?branch=main#0a1b")), git);
    }

    #[test]
    fn circles_are_walked_once() {
        let id = |name: &str| PackageId { repr: name.to_owned() };
        let uses = |id_: &PackageId| match id_.repr.as_str() {
            "a" => vec![id("b"), id("c")],
            "b" => vec![id("a")],
            _ => Vec::new(),
        };
        let reached = reached(&id("a"), uses);
        assert_eq!(reached.into_keys().map(|id| id.repr).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn a_lock_file_has_checksums_of_what_was_published() {
        let text = "version = 4\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"axum\"\nversion = \"0.8.9\"\nsource = \"registry+https://x.test/i\"\nchecksum = \"aa\"\n";
        let checksums = parse_checksums(text).expect("a lock file");
        let key = ("axum".to_owned(), "0.8.9".to_owned(), Some("registry+https://x.test/i".to_owned()));
        assert_eq!(checksums, HashMap::from([(key, "aa".to_owned())]));
    }
}

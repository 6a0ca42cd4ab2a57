//! The workspace: which of its packages are plugins, which of those is the application, and where builds go.
//!
//! A plugin says in `[package.metadata.system] needs = ["stock"]` which others it needs. One that nobody needs is an application; its release has all
//! that it needs, directly or not, each behind those that it needs itself.

use crate::exit_code::ExitCode;
use crate::failure::{Failure, More};
use crate::hints;
use crate::settings::{self, Said};
use cargo_metadata::{
    CrateType, Dependency, DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind,
};
use runtime::release::settings::Settings;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What `cargo metadata` says.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// A plugin package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
}

/// A plugin, and what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    /// Each behind those that it needs, its own last.
    pub(crate) plugins: Vec<Plugin>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load(manifest_path: Option<&Path>) -> Result<Self, Failure> {
        let mut command = MetadataCommand::new();
        command.no_deps();
        if let Some(path) = manifest_path {
            command.manifest_path(path);
        }
        let metadata = command.exec().map_err(|error| unreadable(&error, manifest_path))?;
        Ok(Self { metadata })
    }

    /// The application of that name, or the only one, or the only one to which the current folder's plugin belongs.
    pub(crate) fn application(
        &self,
        name: Option<&str>,
        current_folder: Option<&Path>,
    ) -> Result<Application, Failure> {
        let mut packages = self.metadata.workspace_packages();
        packages.retain(|package| is_plugin(package));
        let plugins = Plugins(
            packages
                .into_iter()
                .map(|package| Ok((package, settings::of(package)?)))
                .collect::<Result<_, Failure>>()?,
        );
        if let Some(name) = name {
            return plugins.application(name, || plugins.unknown(name));
        }
        if plugins.0.is_empty() {
            return Err(Failure::error(format!("{} has no plugin", self.metadata.workspace_root))
                .hint("a plugin is a member with crate-type = [\"cdylib\"] that depends on plugin-abi"));
        }
        let all = plugins.applications()?;
        let here = current_folder.and_then(|folder| plugins.0.iter().find(|(package, _)| holds(package, folder)));
        let is_of = |application: &&Application| {
            here.is_none_or(|(package, _)| application.plugins.iter().any(|plugin| plugin.name == *package.name))
        };
        match all.iter().filter(is_of).collect::<Vec<_>>().as_slice() {
            [one] => Ok((*one).clone()),
            several => {
                let names: Vec<_> = several.iter().map(|application| application.name.as_str()).collect();
                let (what, names) = match here {
                    Some((package, _)) => (format!("several applications need {}", package.name), names.join(", ")),
                    None => ("this workspace has several plugins".to_owned(), plugins.names()),
                };
                Err(Failure::new(ExitCode::Usage, format!("{what}: {names}")).hint("name one with --package"))
            }
        }
    }

    /// The folder of its Cargo.toml.
    pub(crate) fn root(&self) -> &Path {
        self.metadata.workspace_root.as_std_path()
    }

    /// The folders of the packages that an application is built of, as far as they are no published ones: its plugins, and what these depend on.
    pub(crate) fn sources(&self, application: &Application) -> Result<Vec<PathBuf>, Failure> {
        let metadata = self.resolved(None)?;
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let needed: HashMap<_, _> = nodes.map(|node| (&node.id, &node.dependencies)).collect();
        let is_plugin = |package: &&Package| {
            application.plugins.iter().any(|plugin| plugin.manifest_path == package.manifest_path.as_std_path())
        };
        let mut reached: Vec<_> = metadata.packages.iter().filter(is_plugin).map(|package| &package.id).collect();
        let mut next = 0;
        while let Some(id) = reached.get(next).copied() {
            next += 1;
            for id in needed.get(id).into_iter().copied().flatten() {
                if !reached.contains(&id) && metadata[id].source.is_none() {
                    reached.push(id);
                }
            }
        }
        let folder = |id: &PackageId| metadata[id].manifest_path.parent().map(|folder| folder.as_std_path().to_owned());
        Ok(reached.into_iter().filter_map(folder).collect())
    }

    /// The workspace with all that it depends on; for one target, or for any.
    pub(crate) fn resolved(&self, target: Option<&str>) -> Result<Metadata, Failure> {
        let mut command = MetadataCommand::new();
        command.manifest_path(self.metadata.workspace_root.join("Cargo.toml"));
        command.other_options(target.map_or_else(Vec::new, |target| vec!["--filter-platform".into(), target.into()]));
        command.exec().map_err(|error| unreadable(&error, None))
    }

    /// The folder of the workspace's own node for that plugin.
    pub(crate) fn node(&self, plugin: &str) -> PathBuf {
        self.system_folder().join(plugin)
    }

    /// Where releases go.
    pub(crate) fn releases(&self) -> PathBuf {
        self.system_folder().join("release")
    }

    /// Where what is linked into releases' plugins beside their code is kept.
    pub(crate) fn origins(&self) -> PathBuf {
        self.system_folder().join("origin")
    }

    fn system_folder(&self) -> PathBuf {
        self.metadata.target_directory.join("system").into_std_path_buf()
    }
}

/// The workspace's plugins, and what each says.
struct Plugins<'a>(Vec<(&'a Package, Said)>);

impl Plugins<'_> {
    fn find(&self, name: &str) -> Option<&(&Package, Said)> {
        self.0.iter().find(|(package, _)| *package.name == name)
    }

    fn names(&self) -> String {
        self.0.iter().map(|(package, _)| package.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn unknown(&self, name: &str) -> String {
        let has = if self.0.is_empty() { "none".to_owned() } else { self.names() };
        format!("{name} is no plugin of this workspace, which has {has}")
    }

    /// Those that nobody needs; every one, if each needs another: a ring, which the first of them says.
    fn applications(&self) -> Result<Vec<Application>, Failure> {
        let is_needed = |name: &str| self.0.iter().any(|(_, said)| said.needs.iter().any(|need| need == name));
        let names = || self.0.iter().map(|(package, _)| package.name.as_str());
        let free: Vec<_> = names().filter(|name| !is_needed(name)).collect();
        let roots = if free.is_empty() { names().collect() } else { free };
        roots.into_iter().map(|name| self.application(name, || self.unknown(name))).collect()
    }

    fn application(&self, name: &str, unknown: impl Fn() -> String) -> Result<Application, Failure> {
        let (_, said) = self
            .find(name)
            .ok_or_else(|| Failure::new(ExitCode::Usage, unknown()).hint("--package names a plugin: cargo's name of a package with crate-type = [\"cdylib\"] that depends on plugin-abi"))?;
        let mut plugins = Vec::new();
        self.add(name, &mut Vec::new(), &mut plugins)?;
        Ok(Application { name: name.to_owned(), settings: said.settings.clone(), plugins })
    }

    /// Adds a plugin behind those that it needs. `path`: who needs it, from the application on.
    fn add(&self, name: &str, path: &mut Vec<String>, plugins: &mut Vec<Plugin>) -> Result<(), Failure> {
        let wrong =
            |message: String| Failure::new(ExitCode::Usage, message).hint("see needs in [package.metadata.system]");
        if plugins.iter().any(|plugin| plugin.name == name) {
            return Ok(());
        }
        if path.iter().any(|other| other == name) {
            return Err(wrong(format!("plugins need each other in a ring: {} → {name}", path.join(" → "))));
        }
        let Some((package, said)) = self.find(name) else {
            let by = path.last().map_or("", String::as_str);
            return Err(wrong(format!("{by} needs {name}: {}", self.unknown(name))));
        };
        path.push(name.to_owned());
        said.needs.iter().try_for_each(|need| self.add(need, path, plugins))?;
        path.pop();
        let manifest_path = package.manifest_path.clone().into_std_path_buf();
        plugins.push(Plugin { name: name.to_owned(), manifest_path });
        Ok(())
    }
}

fn is_plugin(package: &Package) -> bool {
    let is_cdylib = package
        .targets
        .iter()
        .any(|target| target.kind.contains(&TargetKind::CDyLib) || target.crate_types.contains(&CrateType::CDyLib));
    let is_sdk =
        |dependency: &&Dependency| dependency.name == "plugin-abi" && dependency.kind == DependencyKind::Normal;
    is_cdylib && package.dependencies.iter().any(|dependency| is_sdk(&dependency))
}

/// Is the folder the package's, or inside of it?
fn holds(package: &Package, folder: &Path) -> bool {
    package.manifest_path.parent().is_some_and(|own| folder.starts_with(own))
}

fn unreadable(error: &cargo_metadata::Error, manifest_path: Option<&Path>) -> Failure {
    let (said, more) = match error {
        cargo_metadata::Error::CargoMetadata { stderr } => first_error(stderr),
        other => (other.to_string(), String::new()),
    };
    let hint = match error {
        cargo_metadata::Error::Io(_) => hints::CARGO,
        _ if manifest_path.is_some_and(|path| !path.is_file()) => {
            "name a Cargo.toml that is there with --manifest-path"
        }
        _ if said.starts_with("could not find `Cargo.toml`") => {
            "run this in a cargo workspace, or name a running node with --node"
        }
        _ => "mend what cargo names, or name a running node with --node",
    };
    let details = Some(more).filter(|more| !more.is_empty()).map(String::into_boxed_str);
    let failure = Failure::error(format!("the workspace cannot be read: {said}")).hint(hint);
    Failure { more: Box::new(More { details, ..More::default() }), ..failure }
}

/// cargo's own sentence, without its prefix, and what it says of it: where, and why.
fn first_error(stderr: &str) -> (String, String) {
    let mut lines = stderr.lines().skip_while(|line| !line.starts_with("error"));
    let first = lines.next().unwrap_or(stderr.trim()).trim_start_matches("error:").trim().to_owned();
    (first, lines.collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

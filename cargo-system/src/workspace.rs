//! The workspace: which of its packages is a plugin, and where builds go.

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::settings;
use cargo_metadata::{CrateType, Dependency, DependencyKind, Metadata, MetadataCommand, Package, TargetKind};
use runtime::release::settings::Settings;
use std::path::{Path, PathBuf};

/// What `cargo metadata` says.
#[derive(Debug)]
pub(crate) struct Workspace {
    metadata: Metadata,
}

/// A plugin package.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) settings: Settings,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load(manifest_path: Option<&Path>) -> Result<Self, Failure> {
        let mut command = MetadataCommand::new();
        command.no_deps();
        if let Some(path) = manifest_path {
            command.manifest_path(path);
        }
        let metadata = command.exec().map_err(|error| {
            let said = match &error {
                cargo_metadata::Error::CargoMetadata { stderr } => first_error(stderr),
                other => other.to_string(),
            };
            Failure::error(format!("the workspace cannot be read: {said}"))
                .hint("run this in a cargo workspace, or name a running node with --node")
        })?;
        Ok(Self { metadata })
    }

    /// The plugin of that name, or the only one, or as for cargo the one whose folder is the current one.
    pub(crate) fn plugin(&self, name: Option<&str>, current_folder: Option<&Path>) -> Result<Plugin, Failure> {
        let mut plugins = self.metadata.workspace_packages();
        plugins.retain(|package| is_plugin(package));
        let here = current_folder.and_then(|folder| plugins.iter().find(|package| holds(package, folder)));
        let name = name.or(here.map(|package| package.name.as_str()));
        let names = || plugins.iter().map(|package| package.name.to_string()).collect::<Vec<_>>().join(", ");
        let found: Vec<_> = plugins.iter().filter(|package| name.is_none_or(|name| *package.name == name)).collect();
        match (found.as_slice(), name) {
            ([package], _) => Ok(Plugin {
                name: package.name.to_string(),
                manifest_path: package.manifest_path.clone().into_std_path_buf(),
                settings: settings::of(package)?,
            }),
            (_, Some(name)) if plugins.is_empty() => {
                Err(Failure::new(ExitCode::Usage, format!("{name} is no plugin of this workspace, which has none")))
            }
            (_, Some(name)) => {
                let message = format!("{name} is no plugin of this workspace, which has {}", names());
                Err(Failure::new(ExitCode::Usage, message))
            }
            ([], None) => Err(Failure::error(format!("{} has no plugin", self.metadata.workspace_root))
                .hint("a plugin is a member with crate-type = [\"cdylib\"] that depends on plugin-abi")),
            (_, None) => Err(Failure::new(ExitCode::Usage, format!("this workspace has several plugins: {}", names()))
                .hint("name one with --package")),
        }
    }

    /// The folder of the workspace's own node for that plugin.
    pub(crate) fn node(&self, plugin: &str) -> PathBuf {
        self.system_folder().join(plugin)
    }

    /// Where releases go.
    pub(crate) fn releases(&self) -> PathBuf {
        self.system_folder().join("release")
    }

    fn system_folder(&self) -> PathBuf {
        self.metadata.target_directory.join("system").into_std_path_buf()
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

/// cargo's own sentence, without its prefix.
fn first_error(stderr: &str) -> String {
    let line = stderr.lines().find(|line| line.starts_with("error")).unwrap_or(stderr.trim());
    line.trim_start_matches("error:").trim().to_owned()
}

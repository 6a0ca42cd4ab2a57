//! A user's workspace: a copy of one application that a test may edit, and a folder for its node.
//!
//! ```text
//! app/Cargo.toml, Cargo.lock, <plugin>/…   the workspace; a fixture of several packages has each beside the others
//! node/                                    the node's folder
//! ```
//!
//! Both are in a place of the sandbox's own (see `place`), as is its target folder (see `seed`). All of it goes when the sandbox is dropped.

use crate::cli::Cli;
use crate::node::Node;
use crate::place::Place;
use crate::release::ReleaseFolder;
use crate::seed::{self, Build, Copy, copy_tree};
use crate::workspace;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The example application, as a fixture.
pub const EXAMPLE: &str = "example-app";

/// A user's workspace with one plugin.
#[derive(Debug)]
pub struct Sandbox {
    plugin: String,
    place: Place,
}

impl Sandbox {
    /// A workspace with a copy of the example or of a fixture, built once already.
    ///
    /// # Errors
    /// When it does not build, or a file cannot be written.
    pub fn new(plugin: &str) -> Result<Self> {
        Self::built(plugin, &[Build::Upgrade])
    }

    /// The same, built for `release` too.
    ///
    /// # Errors
    /// As `new`.
    pub fn releasable(plugin: &str) -> Result<Self> {
        Self::built(plugin, &[Build::Upgrade, Build::Release])
    }

    fn built(plugin: &str, builds: &[Build]) -> Result<Self> {
        let sandbox = Self::unbuilt(plugin)?;
        seed::sow(plugin, builds, &sandbox.place)?;
        Ok(sandbox)
    }

    /// The same, not built: for plugins that do not build or are no plugins.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn unbuilt(plugin: &str) -> Result<Self> {
        let sandbox = Self { plugin: plugin.into(), place: Place::take()? };
        lay_out(plugin, &sandbox.workspace())?;
        Ok(sandbox)
    }

    /// The same of what is no plugin yet, with what there is of its dependencies.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn unbuilt_with_dependencies(fixture: &str) -> Result<Self> {
        let sandbox = Self::unbuilt(fixture)?;
        seed::lend(fixture, &sandbox.place)?;
        Ok(sandbox)
    }

    /// Keeps what was built of dependencies, for the next of that fixture.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn keep_dependencies(&self) -> Result<()> {
        seed::take_back(&self.plugin, &self.place)
    }

    /// The workspace's root.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        self.place.workspace()
    }

    /// The plugin's package.
    #[must_use]
    pub fn package(&self) -> PathBuf {
        self.workspace().join(&self.plugin)
    }

    /// The node's folder.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.place.root().join("node")
    }

    /// A place beside, for what else a test needs.
    #[must_use]
    pub fn beside(&self, name: &str) -> PathBuf {
        self.place.root().join(name)
    }

    /// The target folder.
    #[must_use]
    pub fn target(&self) -> PathBuf {
        self.place.target()
    }

    /// `cargo-system …` as a user calls it in this workspace, for this sandbox's node.
    ///
    /// # Panics
    /// When the binary under test does not build.
    #[must_use]
    pub fn cli<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Cli {
        self.surround(Cli::new(arguments).expect("the binary under test builds"))
    }

    /// What a command says with `--json`.
    ///
    /// # Panics
    /// When it does not end with 0.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> Value {
        self.cli(arguments.iter().copied()).args(["--json"]).expect(0).json()
    }

    /// Another program, in the same surroundings.
    #[must_use]
    pub fn surround(&self, cli: Cli) -> Cli {
        let cli = cli.in_folder(&self.workspace()).env("CARGO_TARGET_DIR", self.target());
        cli.env("CARGO_SYSTEM_NODE", self.root())
    }

    /// Builds and starts the node on a free port, and waits until it serves.
    ///
    /// # Errors
    /// When it does not serve in time; its log is in the error.
    pub fn run(&self) -> Result<Node> {
        self.run_at("127.0.0.1:0")
    }

    /// The same, on this address.
    ///
    /// # Errors
    /// When it does not serve in time; its log is in the error.
    pub fn run_at(&self, address: &str) -> Result<Node> {
        Node::start(self.cli(["run", "--listen", address]).into_command(), &self.root())
    }

    /// `release`, into a folder beside.
    ///
    /// # Errors
    /// When the command does not end with 0.
    pub fn release(&self, name: &str) -> Result<ReleaseFolder> {
        let folder = self.beside(name);
        let said = self.cli(["release", "--out", &folder.display().to_string()]).run()?;
        ensure!(said.code == 0, "release ended with {}:\n{}", said.code, said.stderr);
        Ok(ReleaseFolder::new(folder))
    }

    /// Starts a release's own node on a free port, and waits until it serves.
    ///
    /// # Errors
    /// When it does not serve in time; its log is in the error.
    pub fn start(&self, release: &ReleaseFolder) -> Result<Node> {
        let command = Cli::of(&release.root().join("bin").join(&self.plugin));
        let command = command.args(["start", "--listen", "127.0.0.1:0"]).into_command();
        Node::start(command, release.root())
    }

    /// Builds and upgrades the running node; returns the version that serves then.
    ///
    /// # Errors
    /// When the command does not end with 0, or does not say that version.
    pub fn upgrade(&self) -> Result<String> {
        upgraded(self.cli(["upgrade", "--json", "--drain-wait", "0"]))
    }

    /// Upgrades the running node to a release; returns the version that serves then.
    ///
    /// # Errors
    /// When the command does not end with 0, or does not say that version.
    pub fn upgrade_to(&self, release: &ReleaseFolder) -> Result<String> {
        let cli = self.cli(["upgrade", "--json", "--drain-wait", "0", "--release"]);
        upgraded(cli.args([release.root()]))
    }

    /// Writes settings into the plugin's manifest, which has none so far.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn set(&self, settings: &str) -> Result<()> {
        let lints = "[lints]";
        self.edit("Cargo.toml", lints, &format!("[package.metadata.system]\n{settings}\n\n{lints}"))
    }

    /// Replaces text in a file of the plugin; it must be there exactly once.
    ///
    /// # Errors
    /// When it is not.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let path = self.package().join(file);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let count = text.matches(from).count();
        ensure!(count == 1, "{from:?} stands {count} times in {}", path.display());
        fs::write(&path, text.replacen(from, to, 1))?;
        Ok(())
    }
}

fn upgraded(cli: Cli) -> Result<String> {
    let said = cli.run()?;
    ensure!(said.code == 0, "upgrade ended with {}:\n{}\n{}", said.code, said.stdout, said.stderr);
    let result = said.json();
    result["to"].as_str().map(str::to_owned).with_context(|| format!("no version in {result}"))
}

/// Writes a workspace with a copy of the plugin.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) fn lay_out(plugin: &str, workspace: &Path) -> Result<()> {
    let (root, source) = (workspace::root(), source(plugin));
    let members = members(plugin)?;
    match members.as_slice() {
        [_] => copy_tree(&source, &workspace.join(plugin), &|_| Copy::Bytes)?,
        _ => copy_tree(&source, workspace, &|_| Copy::Bytes)?,
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    write_if_changed(&workspace.join("Cargo.toml"), &own_manifest(&manifest, &members, &root)?)?;
    write_if_changed(&workspace.join("Cargo.lock"), &fs::read_to_string(root.join("Cargo.lock"))?)
}

/// Where the repository has the example or a fixture.
pub(crate) fn source(plugin: &str) -> PathBuf {
    let root = workspace::root();
    if plugin == EXAMPLE { root.join(EXAMPLE) } else { root.join("tests/fixtures").join(plugin) }
}

/// The packages of a fixture: itself, or if it has no manifest its folders.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn members(plugin: &str) -> Result<Vec<String>> {
    let fixture = source(plugin);
    if fixture.join("Cargo.toml").exists() {
        return Ok(vec![plugin.to_owned()]);
    }
    let entries = fs::read_dir(&fixture).with_context(|| fixture.display().to_string())?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect::<Result<Vec<_>>>().map(|mut names| {
        names.sort();
        names
    })
}

/// The repository's manifest with these members: the same dependencies, lints and profiles.
fn own_manifest(manifest: &str, members: &[String], root: &Path) -> Result<String> {
    let mut table = manifest.parse::<toml::Table>().context("the repository's Cargo.toml")?;
    let workspace = table.get_mut("workspace").and_then(toml::Value::as_table_mut).context("[workspace]")?;
    workspace.insert("members".into(), members.to_vec().into());
    workspace.remove("exclude");
    let dependencies = workspace.get_mut("dependencies").and_then(toml::Value::as_table_mut);
    for (_, dependency) in dependencies.context("[workspace.dependencies]")?.iter_mut() {
        if let Some(path) = dependency.get_mut("path") {
            *path = root.join(path.as_str().unwrap_or_default()).display().to_string().into();
        }
    }
    Ok(toml::to_string(&table)?)
}

fn write_if_changed(path: &Path, text: &str) -> Result<()> {
    let same = fs::read_to_string(path).is_ok_and(|there| there == text);
    if !same {
        fs::write(path, text)?;
    }
    Ok(())
}

//! What a release says of where it comes from, and what it does not say.
//!
//! ```text
//! cargo metadata ─┐                                             ┌─► section   in the plugin's shared object, for scanners
//! cargo tree ─────┼─► linked   what each plugin is linked of  ──┴─► sbom      beside the release's manifest, for everybody else
//! Cargo.lock ─────┘
//! cargo metadata, rustc ──► places   what the folders of this machine are called in all that is compiled
//! ```
//!
//! Nothing of it depends on the machine's folders, on the time or on chance. A build for `upgrade` goes without: nobody ships it, and it has to be fast.

mod compiler;
mod licence;
mod linked;
mod places;
mod purl;
mod sbom;
mod section;

pub(crate) use sbom::{Release, Sbom};

use crate::failure::Failure;
use crate::workspace::{Application, Plugin, Workspace};
use anyhow::Context as _;
use compiler::Compiler;
use linked::Linked;
use places::Places;
use std::fs;
use std::path::{Path, PathBuf};

/// See the file's head.
#[derive(Debug)]
pub(crate) struct Origin {
    flags: Vec<String>,
    /// In the application's order: what each plugin is linked of, and the object file that says so.
    plugins: Vec<(Plugin, Linked, PathBuf)>,
}

impl Origin {
    /// Asks cargo and the compiler, and writes what is to be linked into the plugins into the target folder.
    pub(crate) fn of(workspace: &Workspace, application: &Application) -> Result<Self, Failure> {
        let compiler = Compiler::ask()?;
        let metadata = workspace.resolved(Some(&compiler.host))?;
        let places = Places::of(&metadata, &compiler);
        let folder = workspace.origins();
        let made = application.plugins.iter().map(|plugin| {
            let linked = Linked::of(&metadata, plugin, &compiler.host, &places)?;
            let object = write(&folder, &plugin.name, &section::object(&linked)?)?;
            Ok((plugin.clone(), linked, object))
        });
        let plugins = made.collect::<Result<_, Failure>>()?;
        Ok(Self { flags: places.flags(), plugins })
    }

    /// For the compiler, whatever it compiles.
    pub(crate) fn flags(&self) -> &[String] {
        &self.flags
    }

    /// What is to be linked into that plugin.
    pub(crate) fn object(&self, plugin: &Plugin) -> Option<&Path> {
        let this = self.plugins.iter().find(|(other, ..)| other == plugin);
        this.map(|(_, _, object)| object.as_path())
    }

    fn linked(&self) -> impl Iterator<Item = &Linked> {
        self.plugins.iter().map(|(_, linked, _)| linked)
    }
}

/// Under a name that has its content's hash: cargo does not look into what it hands to the linker, and links again when that is called otherwise.
fn write(folder: &Path, plugin: &str, object: &[u8]) -> anyhow::Result<PathBuf> {
    let entry = runtime::release::manifest::FileEntry::holding("", object);
    let path = folder.join(format!("{plugin}-{}.o", runtime::release::layout::short_hash(&entry.hash)));
    if !fs::read(&path).is_ok_and(|there| there == object) {
        let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, object));
        written.with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(path)
}

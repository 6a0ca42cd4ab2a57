//! The release that is brought to nodes: built once, or unpacked, when the first of them wants it.

use crate::cli::Making;
use crate::commands::{release, upgrade};
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::failure::{Failure, OrHint as _};
use crate::hints;
use crate::progress::Progress;
use crate::remote::Parcel;
use crate::stage::{check_there, not_taken};
use crate::whole::{Depth, look};
use anyhow::Context as _;
use runtime::image::TARGET;
use runtime::release::archive::{self, TAKEN, Unpacked, Wanted};
use runtime::release::keys::Keys;
use runtime::release::layout::Layout;
use runtime::release::manifest::{FileEntry, Manifest};
use runtime::release::store::Store;
use std::cell::OnceCell;
use std::path::Path;
use tempfile::TempDir;

/// See the file's head.
pub(super) struct Goods<'a> {
    context: &'a Context,
    /// Instead of a build.
    release: Option<&'a Path>,
    pub(super) making: &'a Making,
    made: OnceCell<Made>,
}

/// A release on this machine.
pub(super) struct Made {
    layout: Layout,
    pub(super) manifest: Manifest,
    /// A record that says that it boots, and nothing else: what else a folder's own record says is no other node's business.
    record: Store,
    _place: TempDir,
    _unpacked: Option<Unpacked>,
}

impl<'a> Goods<'a> {
    pub(super) fn new(context: &'a Context, release: Option<&'a Path>, making: &'a Making) -> Self {
        Self { context, release, making, made: OnceCell::new() }
    }

    /// The target triple that a build will have; `None`: it is there, and says so itself.
    pub(super) fn target(&self) -> Option<&str> {
        let built = || self.making.target.as_deref().unwrap_or(TARGET);
        self.release.is_none().then(built)
    }

    /// The release. `running`: the name of what runs where it goes to.
    pub(super) fn get(&self, running: Option<&str>, progress: &mut Progress) -> Result<&Made, Failure> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let place = tempfile::tempdir().context("there is no place for the release").or_hint(hints::TEMPORARY)?;
        let made = match self.release {
            Some(release) => unpack(release, place, progress).map_err(|failure| failure.step("unpack")),
            None => self.build(running, place, progress).map_err(|failure| failure.step("build")),
        };
        let made = made?;
        Ok(self.made.get_or_init(|| made))
    }

    fn build(&self, running: Option<&str>, place: TempDir, progress: &mut Progress) -> Result<Made, Failure> {
        let application = match running {
            Some(running) => self.context.application_of(running)?,
            None => self.context.application()?,
        };
        if let Some(running) = running.filter(|running| *running != application.name) {
            return Err(another(running, &application.name));
        }
        upgrade::step(progress, "build", &format!("build {}", application.name));
        let folder = place.path().join("release");
        // cargo shows its own progress.
        progress.pause();
        let manifest = release::make(self.context, application, &folder, self.making);
        progress.go_on();
        Made::new(Layout::new(folder), manifest?, place, None)
    }
}

/// An archive is taken apart, a folder stays where it is.
fn unpack(release: &Path, place: TempDir, progress: &mut Progress) -> Result<Made, Failure> {
    upgrade::step(progress, "unpack", &format!("unpack {}", release.display()));
    if release.is_dir() {
        let layout = Layout::new(release);
        let manifest = look(release, &[], Depth::Named)?.manifest;
        return Made::new(layout, manifest, place, None);
    }
    check_there(release)?;
    // Whose it must be, the node says.
    let unpacked = archive::unpack(release, &Store::new(Layout::new(place.path())), &Keys::default(), Wanted::All);
    let unpacked = unpacked.map_err(not_taken)?;
    Made::new(unpacked.layout(), unpacked.manifest.clone(), place, Some(unpacked))
}

pub(super) fn another(running: &str, name: &str) -> Failure {
    Failure::new(ExitCode::Refused, format!("the node runs {running}, and not {name}"))
        .hint("give the node of that application with --node")
}

impl Made {
    fn new(layout: Layout, manifest: Manifest, place: TempDir, unpacked: Option<Unpacked>) -> Result<Self, Failure> {
        let record = Store::new(Layout::new(place.path().join("record")));
        record.set_permanent(&manifest.version)?;
        Ok(Self { layout, manifest, record, _place: place, _unpacked: unpacked })
    }

    pub(super) fn version(&self) -> String {
        self.manifest.version.to_string()
    }

    /// Its folder on this machine.
    pub(super) fn root(&self) -> &Path {
        self.layout.root()
    }

    pub(super) fn store(&self) -> Store {
        Store::new(self.layout.clone())
    }

    /// The target triple of its application, which is that of all its plugins.
    pub(super) fn target(&self) -> &str {
        self.manifest.plugins.last().map_or(TARGET, |plugin| &plugin.target)
    }

    /// What a node that runs takes of it.
    pub(super) fn for_upgrade(&self) -> Result<Vec<Parcel>, Failure> {
        let is_taken = |file: &&FileEntry| TAKEN.iter().any(|folder| Path::new(&file.path).starts_with(folder));
        let files = self.manifest.files.iter().filter(is_taken).cloned();
        let mut parcels: Vec<_> = files.map(|entry| self.parcel(entry)).collect();
        parcels.extend(self.papers()?);
        parcels.push(self.record()?);
        Ok(parcels)
    }

    /// All of it, but for the record, by which a folder is a release's.
    pub(super) fn for_start(&self) -> Result<Vec<Parcel>, Failure> {
        if self.manifest.runtime.file.is_empty() {
            let message =
                format!("the release {} has no runtime of its own, and cannot be started", self.manifest.version);
            return Err(Failure::new(ExitCode::Refused, message).hint("cargo system release makes one that can"));
        }
        let files = self.manifest.files.iter().cloned();
        Ok(files.map(|entry| self.parcel(entry)).chain(self.papers()?).collect())
    }

    pub(super) fn record(&self) -> Result<Parcel, Failure> {
        let (layout, path) = (self.record.layout(), self.record.layout().record());
        parcel_of(layout, &path)
    }

    /// The manifest, and its signature if it is signed.
    fn papers(&self) -> Result<Vec<Parcel>, Failure> {
        let version = self.version();
        let papers = [self.layout.manifest(&version), self.layout.signature(&version)];
        papers.iter().filter(|path| path.exists()).map(|path| parcel_of(&self.layout, path)).collect()
    }

    fn parcel(&self, entry: FileEntry) -> Parcel {
        Parcel { from: self.layout.root().join(&entry.path), entry }
    }
}

fn parcel_of(layout: &Layout, path: &Path) -> Result<Parcel, Failure> {
    let relative = path.strip_prefix(layout.root()).unwrap_or(path).display().to_string();
    let entry = FileEntry::of(layout, &relative)?;
    Ok(Parcel { from: path.to_owned(), entry })
}

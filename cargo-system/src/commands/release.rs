//! `release`: a folder that runs on a machine without cargo, and an archive of it beside.
//!
//! Both are made beside their places and renamed, so that each is there whole or not at all.

use crate::answers::{Answer, Done, Released};
use crate::builder::{self, Purpose};
use crate::cli::{Making, ReleaseOptions};
use crate::context::Context;
use crate::failure::{Failure, OrHint as _};
use crate::origin::{Origin, Release, Sbom};
use crate::signer::Signer;
use crate::stage::Parts;
use crate::workspace::Application;
use crate::{hints, interrupt, output, stage};
use anyhow::Context as _;
use runtime::release::archive;
use runtime::release::layout::Layout;
use runtime::release::manifest::{FileEntry, Manifest, PluginEntry};
use runtime::release::store::Store;
use semver::Version;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const OUT_HINT: &str = "give a folder that you may write to, and that has room, with --out";
const NAME_HINT: &str = "give a folder with a name, such as --out /srv/app";

pub(super) fn release(context: &Context, options: ReleaseOptions) -> Result<(), Failure> {
    let ReleaseOptions { out, making } = options;
    // Before anything is built.
    let signer = making.signing.signer().map_err(Failure::no_refusal)?;
    let built = Built::new(context, context.application()?, &making).map_err(Failure::no_refusal)?;
    let folder = match out {
        Some(folder) => std::path::absolute(&folder)
            .with_context(|| format!("{} is no path", folder.display()))
            .or_hint(NAME_HINT)?,
        None => context.workspace()?.releases().join(format!("{}-{}", built.application.name, built.version)),
    };
    if !is_free(&folder).or_hint(OUT_HINT)? {
        return already_there(context, &folder, &built.version.to_string(), signer.is_some());
    }
    let unfinished = Unfinished::beside(&folder, OUT_HINT)?.fill(&built, signer.as_ref());
    let unfinished = unfinished.map_err(Failure::no_refusal)?;
    let packed = Packed::of(&Layout::new(&unfinished.unfinished.folder), &unfinished.manifest, &folder)?;
    let manifest = unfinished.finish(&folder)?;
    let archive = packed.finish()?;
    conclude(context.json(), &manifest, &folder, &archive, true);
    Ok(())
}

/// Builds a release into a folder that is not there yet, without an archive.
pub(super) fn make(
    context: &Context,
    application: Application,
    folder: &Path,
    making: &Making,
) -> Result<Manifest, Failure> {
    let signer = making.signing.signer()?;
    let built = Built::new(context, application, making)?;
    // Into a folder for a while.
    Unfinished::beside(folder, hints::TEMPORARY)?.fill(&built, signer.as_ref())?.finish(folder)
}

/// Plugins that were built, and what they are made of.
struct Built {
    application: Application,
    origin: Origin,
    objects: Vec<PathBuf>,
    plugins: Vec<PluginEntry>,
    version: Version,
}

impl Built {
    fn new(context: &Context, application: Application, making: &Making) -> Result<Self, Failure> {
        let origin = Origin::of(context.workspace()?, &application)?;
        let objects = builder::build(&application, Purpose::Release(&origin), making.target.as_deref())?;
        let facts = objects.iter().map(|object| stage::facts(object)).collect::<Result<Vec<_>, _>>()?;
        let (plugins, version) = (facts.iter().map(PluginEntry::of).collect(), stage::version(&facts));
        Ok(Self { application, origin, objects, plugins, version })
    }

    /// What is linked into it, with the host executable of that hash.
    fn sbom(&self, executable: &str) -> Result<Vec<u8>, Failure> {
        let Self { application, origin, plugins, version, .. } = self;
        let release = Release { name: &application.name, version, plugins, executable };
        Sbom::of(release, origin).to_bytes().map_err(Failure::error)
    }
}

/// Is nothing there, or an empty folder?
fn is_free(folder: &Path) -> anyhow::Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{} cannot be looked at", folder.display())),
    }
}

/// The same release again, with the same executable, is nothing to do but for its archive; anything else there is not ours to touch.
fn already_there(context: &Context, folder: &Path, version: &str, to_be_signed: bool) -> Result<(), Failure> {
    let layout = Layout::new(folder);
    let is_as_asked = to_be_signed == layout.signature(version).exists();
    let there = Store::new(layout.clone()).permanent_manifest().ok().flatten();
    match there.filter(|manifest| manifest.version.to_string() == version) {
        Some(manifest) if is_as_asked && has_own_executable(folder, &manifest) => {
            let archive = Packed::of(&layout, &manifest, folder)?.finish()?;
            conclude(context.json(), &manifest, folder, &archive, false);
            Ok(())
        }
        there => {
            let what = match there {
                Some(_) if is_as_asked => "has this release with another runtime",
                Some(_) if to_be_signed => "has this release without a signature",
                Some(_) => "has this release with a signature",
                None => "exists already",
            };
            Err(Failure::error(format!("{} {what}", folder.display())).hint("remove it, or give another --out"))
        }
    }
}

fn has_own_executable(folder: &Path, manifest: &Manifest) -> bool {
    let bytes = |path: io::Result<PathBuf>| path.and_then(fs::read).ok();
    let there = bytes(Ok(folder.join(&manifest.runtime.file)));
    there.is_some() && there == bytes(std::env::current_exe())
}

fn conclude(as_json: bool, manifest: &Manifest, folder: &Path, archive: &Path, changed: bool) {
    if as_json {
        return output::json(Answer::Released(Done::new(Released {
            changed,
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            folder: folder.display().to_string(),
            archive: archive.display().to_string(),
        })));
    }
    let made = if changed { "released" } else { "there is already" };
    output::note(&format!("{made} {} {}; start it with bin/{} start", manifest.name, manifest.version, manifest.name));
    output::note(&format!("its archive is {}", archive.display()));
    output::line(&folder.display().to_string());
}

/// An archive in the making; removed unless it is finished.
struct Packed {
    making: PathBuf,
    archive: PathBuf,
}

impl Packed {
    /// Packs what will be, or is, the release in `folder`, and has been laid out as `layout`.
    fn of(layout: &Layout, manifest: &Manifest, folder: &Path) -> Result<Self, Failure> {
        let name = format!("{}-{}.tar.zst", manifest.name, manifest.version);
        let making = folder.with_file_name(format!("{name}.new-{}", std::process::id()));
        let packed = Self { making, archive: folder.with_file_name(name) };
        archive::pack(layout, manifest, &packed.making)?;
        interrupt::check()?;
        Ok(packed)
    }

    fn finish(self) -> Result<PathBuf, Failure> {
        let made = fs::rename(&self.making, &self.archive);
        made.with_context(|| format!("{} cannot be made", self.archive.display())).or_hint(OUT_HINT)?;
        flush(self.archive.parent().unwrap_or(&self.archive)).or_hint(OUT_HINT)?;
        Ok(self.archive.clone())
    }
}

impl Drop for Packed {
    fn drop(&mut self) {
        // Renamed, it is not there any more, which is what is wanted.
        let _: io::Result<()> = fs::remove_file(&self.making);
    }
}

/// A folder in the making; removed unless it is finished.
struct Unfinished {
    folder: PathBuf,
    /// What to do where it cannot be made.
    hint: &'static str,
}

/// A folder that has all its files.
struct Filled {
    unfinished: Unfinished,
    manifest: Manifest,
}

impl Unfinished {
    fn beside(folder: &Path, hint: &'static str) -> Result<Self, Failure> {
        let name = folder
            .file_name()
            .ok_or_else(|| Failure::error(format!("{} is no folder's name", folder.display())).hint(NAME_HINT))?;
        let mut beside = name.to_owned();
        beside.push(format!(".new-{}", std::process::id()));
        let unfinished = Self { folder: folder.with_file_name(beside), hint };
        let made = fs::create_dir_all(&unfinished.folder);
        made.with_context(|| format!("{} cannot be made", folder.display())).or_hint(hint)?;
        Ok(unfinished)
    }

    fn fill(self, built: &Built, signer: Option<&Signer>) -> Result<Filled, Failure> {
        let layout = Layout::new(&self.folder);
        let store = Store::new(layout.clone());
        let runtime = layout.runtime(&stage::runtime_version().to_string());
        let own = std::env::current_exe().context("this executable cannot be found")?;
        copy(&own, &runtime).or_hint(self.hint)?;
        interrupt::check()?;
        let runtime_file = runtime.strip_prefix(&self.folder).unwrap_or(&runtime).display().to_string();
        let name = &built.application.name;
        let script = layout.command(name);
        write_script(&script, &runtime_file).or_hint(self.hint)?;
        let script = script.strip_prefix(&self.folder).unwrap_or(&script).display().to_string();
        let [script, executable] = [&script, &runtime_file].map(|file| FileEntry::of(&layout, file));
        let (script, executable) = (script?, executable?);
        let sbom = Some(built.sbom(&executable.hash)?);
        let (files, settings) = (vec![script, executable], built.application.settings.clone());
        let parts = Parts { runtime_file: &runtime_file, files, settings, sbom, signer };
        let manifest = stage::stage_build(&store, name, &built.objects, parts)?;
        interrupt::check()?;
        store.set_permanent(&manifest.version)?;
        Ok(Filled { unfinished: self, manifest })
    }
}

impl Filled {
    fn finish(self, folder: &Path) -> Result<Manifest, Failure> {
        interrupt::check()?;
        let made = fs::rename(&self.unfinished.folder, folder);
        made.with_context(|| format!("{} cannot be made", folder.display())).or_hint(self.unfinished.hint)?;
        flush(folder.parent().unwrap_or(folder)).or_hint(self.unfinished.hint)?;
        Ok(self.manifest)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Renamed, it is not there any more, which is what is wanted.
        let _: std::io::Result<()> = fs::remove_dir_all(&self.folder);
    }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to).with_context(|| format!("{} cannot be written", to.display()))?;
    flush(to)
}

/// `bin/<name>`: finds its own folder, through links too, and calls the release's executable.
fn write_script(path: &Path, runtime_file: &str) -> anyhow::Result<()> {
    let script = format!(
        "#!/bin/sh\n\
         # The command of this release; `help` says what it can do.\n\
         root=$(dirname \"$(dirname \"$(readlink -f \"$0\")\")\")\n\
         exec \"$root/{runtime_file}\" --release-root \"$root\" \"$@\"\n"
    );
    make_folder_of(path)?;
    fs::write(path, script).with_context(|| format!("{} cannot be written", path.display()))?;
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(path, executable).with_context(|| format!("{} cannot be made executable", path.display()))?;
    flush(path)
}

fn make_folder_of(path: &Path) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))
}

/// To disk: a file, or a folder's names.
fn flush(path: &Path) -> anyhow::Result<()> {
    let flushed = File::open(path).and_then(|file| file.sync_all());
    flushed.with_context(|| format!("{} cannot be written to disk", path.display()))
}

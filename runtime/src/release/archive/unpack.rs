//! Takes an archive apart, trusting nothing in it.

use super::error::{ArchiveError, Reason};
use super::pack::mode_of;
use crate::release::files::{hex, parse_bytes};
use crate::release::keys::Keys;
use crate::release::layout::Layout;
use crate::release::manifest::{FileEntry, MANIFEST_LEN_MAX, MANIFEST_SCHEMA, Manifest};
use crate::release::record::Record;
use crate::release::signature::SIGNATURE_LEN_MAX;
use crate::release::store::Store;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _, Write};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};
use tempfile::TempDir;

/// Windows of up to 16 MiB: what packing makes is smaller, and an archive must not choose how much memory it takes.
const WINDOW_LOG_MAX: u32 = 24;
/// The record that comes with a release is for whoever starts that; a node that has its own does not take it. It is not longer than this.
const RECORD_LEN_MAX: u64 = 64 << 10;
/// What zstd marks a frame with.
const MAGIC: u32 = 0xFD2F_B528;
const MAGIC_LEN: u64 = 4;
/// tar fills its end up with zeros.
const END_LEN_MAX: u64 = 64 << 10;
/// Of a release's folders, what a node that runs already takes, besides the manifest and what stands beside it.
pub const TAKEN: [&str; 2] = ["lib", "releases"];

/// How much of a release is wanted. All of it is read and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// What a node that runs already takes.
    Plugins,
    /// What can be started.
    All,
}

type Stream<'a> = zstd::Decoder<'a, BufReader<File>>;

/// A release that was unpacked into a folder of its own, whole and checked. The folder goes when this is dropped.
#[derive(Debug)]
pub struct Unpacked {
    /// What it is.
    pub manifest: Manifest,
    folder: TempDir,
}

impl Unpacked {
    /// Where it stands, laid out as a node's folder.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(self.folder.path())
    }
}

/// Unpacks what is wanted of a release into a folder beside the store's releases.
///
/// # Errors
/// Anything is wrong with it; then nothing of it is left.
pub fn unpack(archive: &Path, store: &Store, keys: &Keys, wanted: Wanted) -> Result<Unpacked, ArchiveError> {
    let failed = |reason| ArchiveError { path: archive.to_owned(), reason };
    let stream = open(archive).map_err(failed)?;
    let folder =
        store.unpack_folder().map_err(|(path, source)| failed(Reason::Write { verb: "unpacked", path, source }))?;
    let mut archive = Archive::new(stream);
    let manifest = read(&mut archive, &Layout::new(folder.path()), keys, wanted).map_err(failed)?;
    check_end(archive.into_inner()).map_err(failed)?;
    Ok(Unpacked { manifest, folder })
}

fn open(path: &Path) -> Result<Stream<'static>, Reason> {
    let (mut file, magic) = begin(path).map_err(Reason::Read)?;
    if !is_zstd(&magic) {
        return Err(if is_cut(&magic) {
            Reason::Damaged(io::ErrorKind::UnexpectedEof.into())
        } else {
            Reason::NoArchive
        });
    }
    let stream = file.rewind().and_then(|()| zstd::Decoder::new(file)).and_then(|mut stream| {
        stream.window_log_max(WINDOW_LOG_MAX)?;
        Ok(stream)
    });
    stream.map_err(Reason::Read)
}

/// The file, and what it begins with.
fn begin(path: &Path) -> io::Result<(File, Vec<u8>)> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut magic = Vec::new();
    (&file).take(MAGIC_LEN).read_to_end(&mut magic)?;
    Ok((file, magic))
}

/// What a frame of zstd's begins with, or one that is skipped: RFC 8878, 3.1.
fn is_zstd(magic: &[u8]) -> bool {
    let Ok(magic) = magic.try_into().map(u32::from_le_bytes) else { return false };
    magic == MAGIC || (0x184D_2A50..=0x184D_2A5F).contains(&magic)
}

/// Does it end within a frame's mark? It may have been an archive before it was cut.
fn is_cut(magic: &[u8]) -> bool {
    magic.len() < size_of::<u32>() && MAGIC.to_le_bytes().starts_with(magic)
}

fn read(archive: &mut Archive<Stream<'_>>, into: &Layout, keys: &Keys, wanted: Wanted) -> Result<Manifest, Reason> {
    // Raw: a name or a size that another entry gives it is not an entry's own, and could be of any length.
    let mut entries = archive.entries().map_err(Reason::Damaged)?.raw(true);
    let mut next = || entries.next().map(|entry| entry.map_err(Reason::Damaged).and_then(named)).transpose();
    let (first, entry) = next()?.ok_or(Reason::NoManifest)?;
    if !(first.starts_with("releases/") && first.ends_with("/manifest.json")) {
        return Err(Reason::NoManifest);
    }
    let bytes = whole(&first, entry, MANIFEST_LEN_MAX)?;
    let manifest = manifest_of(&first, &bytes)?;
    let version = manifest.version.to_string();
    let relative = |path: PathBuf| path.strip_prefix(into.root()).unwrap_or(&path).display().to_string();
    let (signature_path, record_path) = (relative(into.signature(&version)), relative(into.record()));
    let mut expected = Expected::of(&manifest);
    let mut second = next()?;
    let signature = match second.take_if(|(path, _)| *path == signature_path) {
        Some((path, entry)) => Some(whole(&path, entry, SIGNATURE_LEN_MAX)?),
        None => None,
    };
    // Before anything else of it is looked at.
    keys.verify(&manifest, &bytes, signature.as_deref()).map_err(Reason::Signature)?;
    write(&into.manifest(&version), bytes.as_slice())?;
    if let Some(signature) = signature {
        write(&into.signature(&version), signature.as_slice())?;
        second = next()?;
    }
    while let Some((path, entry)) = second {
        if path == record_path {
            expected.record(&path)?;
            let bytes = whole(&path, entry, RECORD_LEN_MAX)?;
            check_record(&bytes, &manifest)?;
        } else {
            take(expected.file(&path)?, entry, into, wanted)?;
        }
        second = next()?;
    }
    expected.all_seen()?;
    Ok(manifest)
}

/// An entry that is a file, with its path.
fn named<R: Read>(entry: Entry<'_, R>) -> Result<(String, Entry<'_, R>), Reason> {
    let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let kind = match entry.header().entry_type() {
        EntryType::Regular => return Ok((path, entry)),
        EntryType::Directory => "a folder",
        EntryType::Symlink | EntryType::Link => "a link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        _ => "of a kind that releases do not have",
    };
    Err(Reason::Kind { path, kind })
}

/// A node of this release alone begins with that record: another one could keep it from ever taking the next release.
fn check_record(bytes: &[u8], manifest: &Manifest) -> Result<(), Reason> {
    let found: Option<Record> = serde_json::from_slice(bytes).ok();
    if found == Some(Record::first(&manifest.version)) { Ok(()) } else { Err(Reason::Record) }
}

/// Whoever takes it apart by tar gives its files the owner and the rights that stand there.
fn check_rights<R: Read>(path: &str, entry: &Entry<'_, R>, executable: bool) -> Result<(), Reason> {
    let header = entry.header();
    let found = (header.mode(), header.uid(), header.gid());
    let (Ok(mode), Ok(0), Ok(0)) = found else { return Err(Reason::Rights(path.to_owned())) };
    if mode & 0o7777 == mode_of(executable) { Ok(()) } else { Err(Reason::Rights(path.to_owned())) }
}

/// A file that is not run, whole.
fn whole<R: Read>(path: &str, mut entry: Entry<'_, R>, len_max: u64) -> Result<Vec<u8>, Reason> {
    check_rights(path, &entry, false)?;
    let mut bytes = Vec::new();
    (&mut entry).take(len_max + 1).read_to_end(&mut bytes).map_err(Reason::Damaged)?;
    let found = bytes.len() as u64;
    if found > len_max {
        return Err(Reason::Size { path: path.to_owned(), found, named: len_max });
    }
    Ok(bytes)
}

fn manifest_of(path: &str, bytes: &[u8]) -> Result<Manifest, Reason> {
    let manifest: Manifest =
        parse_bytes(bytes, MANIFEST_SCHEMA).map_err(|wrong| wrong.map_or_else(Reason::Manifest, Reason::Newer))?;
    manifest.check().map_err(Reason::Wrong)?;
    let version = manifest.version.to_string();
    if path != format!("releases/{version}/manifest.json") {
        return Err(Reason::Folder { version, folder: path.to_owned() });
    }
    Ok(manifest)
}

/// Checks a file's length and hash; writes it if it is wanted.
fn take<R: Read>(file: &FileEntry, mut entry: Entry<'_, R>, into: &Layout, wanted: Wanted) -> Result<(), Reason> {
    let (path, found) = (file.path.clone(), entry.header().size().map_err(Reason::Damaged)?);
    check_rights(&path, &entry, file.executable)?;
    if found != file.size {
        return Err(Reason::Size { path, found, named: file.size });
    }
    let mut hash = Sha256::new();
    if wanted == Wanted::All || TAKEN.iter().any(|folder| Path::new(&file.path).starts_with(folder)) {
        let path = into.root().join(&file.path);
        let mut written = create(&path)?;
        copy(&mut entry, &mut hash, |bytes| written.write_all(bytes), &path)?;
    } else {
        copy(&mut entry, &mut hash, |_| Ok(()), Path::new(""))?;
    }
    if hex(&hash.finalize()) == file.hash { Ok(()) } else { Err(Reason::Hash(path)) }
}

fn copy(
    from: &mut impl Read,
    hash: &mut Sha256,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
    path: &Path,
) -> Result<(), Reason> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        match from.read(&mut bytes).map_err(Reason::Damaged)? {
            0 => return Ok(()),
            len => {
                hash.update(&bytes[..len]);
                to(&bytes[..len]).map_err(|source| unwritten(path, source))?;
            }
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Reason> {
    create(path)?.write_all(bytes).map_err(|source| unwritten(path, source))
}

/// Nothing is there yet: the folder is new, and no path comes twice.
fn create(path: &Path) -> Result<File, Reason> {
    let folder = path.parent().unwrap_or(path);
    let made = fs::create_dir_all(folder).and_then(|()| File::create_new(path));
    made.map_err(|source| unwritten(path, source))
}

fn unwritten(path: &Path, source: io::Error) -> Reason {
    Reason::Write { verb: "unpacked", path: path.to_owned(), source }
}

/// Reads what is left, so that the checksum at the very end is checked too.
fn check_end(stream: Stream<'_>) -> Result<(), Reason> {
    let mut rest = Vec::new();
    stream.take(END_LEN_MAX + 1).read_to_end(&mut rest).map_err(Reason::Damaged)?;
    let is_end = rest.len() as u64 <= END_LEN_MAX && rest.iter().all(|byte| *byte == 0);
    if is_end { Ok(()) } else { Err(Reason::Trailing) }
}

/// What has to come, and what has come of it.
struct Expected<'a> {
    files: BTreeMap<&'a str, (&'a FileEntry, bool)>,
    has_record: bool,
}

impl<'a> Expected<'a> {
    fn of(manifest: &'a Manifest) -> Self {
        let files = manifest.files.iter().map(|file| (file.path.as_str(), (file, false))).collect();
        Self { files, has_record: false }
    }

    fn file(&mut self, path: &str) -> Result<&'a FileEntry, Reason> {
        match self.files.get_mut(path) {
            Some((file, seen)) if !*seen => {
                *seen = true;
                Ok(file)
            }
            Some(_) => Err(Reason::Twice(path.to_owned())),
            None => Err(Reason::Unnamed(path.to_owned())),
        }
    }

    fn record(&mut self, path: &str) -> Result<(), Reason> {
        if std::mem::replace(&mut self.has_record, true) { Err(Reason::Twice(path.to_owned())) } else { Ok(()) }
    }

    fn all_seen(&self) -> Result<(), Reason> {
        let missing = self.files.values().find(|(_, seen)| !seen);
        missing.map_or(Ok(()), |(file, _)| Err(Reason::Missing(file.path.clone())))
    }
}

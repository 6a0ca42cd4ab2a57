//! Makes an archive of a release's folder.

use super::error::{ArchiveError, Reason};
use crate::release::layout::Layout;
use crate::release::manifest::Manifest;
use crate::release::record::Record;
use semver::Version;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// A little slower, and a good deal smaller, than zstd's own default.
const LEVEL: i32 = 9;
/// The time of every file: 1980-01-01, the first that all tools can show.
const TIME: u64 = 315_532_800;

type Archive = Builder<zstd::Encoder<'static, BufWriter<File>>>;

/// Packs that release of the folder into a file that is made for it, and flushes it to disk. It must be whole, as it was made.
///
/// # Errors
/// A file of the release cannot be read, or the archive cannot be written; then what is there of it is of no use.
pub fn pack(layout: &Layout, manifest: &Manifest, archive: &Path) -> Result<(), ArchiveError> {
    let failed = |path: &Path, source| ArchiveError {
        path: archive.to_owned(),
        reason: Reason::Write { verb: "packed", path: path.to_owned(), source },
    };
    let mut tar = open(archive).map_err(|error| failed(archive, error))?;
    let version = manifest.version.to_string();
    for path in [layout.manifest(&version), layout.signature(&version)] {
        match fs::read(&path) {
            Ok(bytes) => {
                let name = path.strip_prefix(layout.root()).unwrap_or(&path);
                append(&mut tar, name, bytes.len() as u64, false, bytes.as_slice()).map_err(|e| failed(&path, e))?;
            }
            // Not every release is signed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && path == layout.signature(&version) => {}
            Err(error) => return Err(failed(&path, error)),
        }
    }
    for file in &manifest.files {
        let path = layout.root().join(&file.path);
        let appended = File::open(&path)
            .and_then(|content| append(&mut tar, Path::new(&file.path), file.size, file.executable, content));
        appended.map_err(|error| failed(&path, error))?;
    }
    let path = layout.record();
    let name = path.strip_prefix(layout.root()).unwrap_or(&path);
    let record = first_record(&manifest.version).map_err(|error| failed(&path, error))?;
    append(&mut tar, name, record.len() as u64, false, record.as_slice()).map_err(|error| failed(&path, error))?;
    close(tar).map_err(|error| failed(archive, error))
}

fn first_record(version: &Version) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&Record::first(version))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn open(path: &Path) -> io::Result<Archive> {
    let mut zstd = zstd::Encoder::new(BufWriter::new(File::create(path)?), LEVEL)?;
    zstd.include_checksum(true)?;
    Ok(Builder::new(zstd))
}

/// A file's rights.
pub(super) const fn mode_of(executable: bool) -> u32 {
    if executable { 0o755 } else { 0o644 }
}

fn append(tar: &mut Archive, path: &Path, size: u64, executable: bool, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(path)?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode_of(executable));
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    let mut content = content.take(size);
    tar.append(&header, &mut content)?;
    // A file that has become shorter would put everything after it into a wrong place.
    if content.limit() == 0 { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn close(tar: Archive) -> io::Result<()> {
    let mut file = tar.into_inner()?.finish()?;
    file.flush()?;
    file.get_ref().sync_all()
}

//! Files that appear whole or not at all: on disk at once, or later.

use super::error::StoreError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How the extension of a file begins that has not its name yet; a number follows.
const BESIDE: &str = "new-";

pub(super) fn unread(path: &Path, source: io::Error) -> StoreError {
    StoreError::File { verb: "read", path: path.to_owned(), source }
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unread(path, source)),
    }
}

/// What a file of ours holds. One with a newer schema is said to be newer, whatever else it holds.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8], schema: u32) -> Result<T, StoreError> {
    parse_bytes(bytes, schema).map_err(|wrong| match wrong {
        Err(source) => StoreError::Damaged { path: path.to_owned(), source },
        Ok(schema) => StoreError::Newer { path: path.to_owned(), schema },
    })
}

/// The same, of no file. `Ok` in the error: a newer schema.
pub(super) fn parse_bytes<T: for<'de> Deserialize<'de>>(
    bytes: &[u8],
    schema: u32,
) -> Result<T, Result<u32, serde_json::Error>> {
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(Err)?;
    if head.schema > schema {
        return Err(Ok(head.schema));
    }
    serde_json::from_slice(bytes).map_err(Err)
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let damaged = |source| StoreError::Damaged { path: path.to_owned(), source };
    let mut bytes = serde_json::to_vec_pretty(value).map_err(damaged)?;
    bytes.push(b'\n');
    write_whole(path, &bytes, Flushed::Now)
}

/// When a file that appears is on disk, and there after a crash of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// As soon as it appears.
    Now,
    /// Once [`flush_there`] was called.
    Later,
}

/// Makes the file appear whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8], flushed: Flushed) -> Result<(), StoreError> {
    let unwritten = |source| StoreError::File { verb: "written", path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let is_new = !folder.exists();
    fs::create_dir_all(folder).map_err(unwritten)?;
    let beside = beside(path);
    let written = match flushed {
        // A new folder is only there after a crash when the one above says so.
        Flushed::Now => write_flushed(&beside, bytes)
            .and_then(|()| fs::rename(&beside, path))
            .and_then(|()| flush(folder))
            .and_then(|()| if is_new { flush(folder.parent().unwrap_or(folder)) } else { Ok(()) }),
        Flushed::Later => fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path)),
    };
    written.map_err(|source| {
        // What stands there is half a file, or nothing.
        let _: io::Result<()> = fs::remove_file(&beside);
        // Goes only when it is empty: made above.
        let _: io::Result<()> = fs::remove_dir(folder);
        unwritten(source)
    })
}

/// After a file could not be written for certain: it holds again what it held before, as far as that can be done. Returns why it could not be
/// written.
pub(super) fn put_back(path: &Path, before: Option<&[u8]>, error: StoreError) -> StoreError {
    let StoreError::File { path: _, source, .. } = error else { return error };
    let restored = match (before, fs::read(path)) {
        (Some(before), Ok(now)) if now == before => Ok(()),
        (None, Err(now)) if now.kind() == io::ErrorKind::NotFound => Ok(()),
        (None, _) => fs::remove_file(path),
        // Not flushed: whoever could not flush just now cannot do it here. What matters is what is read from now on.
        (Some(before), _) => {
            let beside = beside(path);
            fs::write(&beside, before).and_then(|()| fs::rename(&beside, path))
        }
    };
    let verb = if restored.is_ok() { "written" } else { "written, nor what it held before be put back" };
    StoreError::File { verb, path: path.to_owned(), source }
}

/// Where a file is written before it has its name. What the dead have left of these goes at a boot.
fn beside(path: &Path) -> PathBuf {
    path.with_extension(format!("{BESIDE}{}", std::process::id()))
}

/// Does a file of that name stand beside its place?
pub(super) fn is_beside(name: &str) -> bool {
    let digits = name.rsplit_once('.').and_then(|(_, extension)| extension.strip_prefix(BESIDE));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

pub(super) fn write_flushed(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A file's or a folder's content.
pub(super) fn flush(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// A file that stands there, its name and its folder's: on disk.
pub(super) fn flush_there(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let above = folder.parent().unwrap_or(folder);
    let flushed = [path, folder, above].into_iter().try_for_each(flush);
    flushed.map_err(|source| StoreError::File { verb: "written", path: path.to_owned(), source })
}

pub(super) fn hex_sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

//! Folders that appear whole, on disk, or not at all.

use super::files::{flush, write_flushed};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;

/// How the name of a folder in the making, or on its way out, begins: no version does.
pub(super) const MAKING: &str = ".making-";

/// An empty folder within another one, which need not exist. It goes when it is dropped.
pub(super) fn new_folder(within: &Path) -> io::Result<TempDir> {
    fs::create_dir_all(within)?;
    // As any other folder: what a release is made of is no secret, and the node may be another user.
    let mode = fs::Permissions::from_mode(0o777);
    tempfile::Builder::new().prefix(MAKING).permissions(mode).tempdir_in(within)
}

/// Puts a folder with these files in place of the one that is there, if any.
pub(super) fn replace_folder<'a>(
    within: &Path,
    folder: &Path,
    files: impl Iterator<Item = (&'a OsStr, &'a [u8])>,
) -> io::Result<()> {
    let making = new_folder(within)?;
    for (name, bytes) in files {
        write_flushed(&making.path().join(name), bytes)?;
    }
    flush(making.path())?;
    if folder.exists() {
        // What was there has the new one's name then, and goes with it.
        renameat_with(CWD, making.path(), CWD, folder, RenameFlags::EXCHANGE)?;
    } else {
        fs::rename(making.path(), folder)?;
    }
    flush(within)
}

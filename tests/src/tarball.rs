//! A packed release that somebody spoils: the headers of its tar, changed as no tool would write them.
//!
//! A tar is blocks of 512 bytes: an entry's header, its content, the next header …, and zeros at the end.

use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

const BLOCK: usize = 512;
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// A header of a tar: 512 bytes.
pub type Header = [u8; BLOCK];

/// See the file's head.
#[derive(Clone, Debug)]
pub struct Tarball(Vec<u8>);

impl Tarball {
    /// What is in a `.tar.zst`.
    ///
    /// # Errors
    /// When it cannot be read, or `zstd` is not installed.
    pub fn read(archive: &Path) -> Result<Self> {
        let said = Command::new("zstd").args(["-q", "-d", "-c"]).arg(archive).output().context("zstd")?;
        ensure!(said.status.success(), "zstd: {}", String::from_utf8_lossy(&said.stderr));
        Ok(Self(said.stdout))
    }

    /// Writes it as a `.tar.zst`, with so many zeros more than there are.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, archive: &Path, zeros: usize) -> Result<()> {
        let tar = archive.with_extension("spoiled");
        fs::write(&tar, &self.0)?;
        File::options().write(true).open(&tar)?.set_len((self.0.len() + zeros) as u64)?;
        let zstd = Command::new("zstd")
            .args(["-q", "-f", "-1", "--rm", "-o"])
            .args([archive, tar.as_path()])
            .stdin(Stdio::null())
            .status();
        ensure!(zstd.context("zstd")?.success(), "zstd ended with an error");
        Ok(())
    }

    /// Changes the header of an entry, from 0, and makes its checksum good.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn change(&mut self, entry: usize, change: impl FnOnce(&mut Header)) -> Result<()> {
        let mut at = 0;
        for _ in 0..entry {
            at += BLOCK + self.size(at)?.next_multiple_of(BLOCK);
        }
        let header = self.0.get_mut(at..at + BLOCK).context("no such entry")?;
        let header: &mut Header = header.try_into().context("512 bytes")?;
        change(header);
        header[CHECKSUM].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        put(&mut header[CHECKSUM], &format!("{sum:06o}\0"));
        Ok(())
    }

    /// Of the content behind that header: octal, in text.
    fn size(&self, at: usize) -> Result<usize> {
        let text = self.0.get(at + 124..at + 135).context("no such entry")?;
        usize::from_str_radix(std::str::from_utf8(text)?.trim_matches(['\0', ' ']), 8).context("a size")
    }
}

/// Has the entry another name.
pub fn rename(header: &mut Header, name: &str) {
    header[..100].fill(0);
    put(header, name);
}

/// Has the entry be a link: `'1'` a hard one, `'2'` a symbolic one.
pub fn link(header: &mut Header, kind: u8, to: &str) {
    header[156] = kind;
    put(&mut header[157..257], to);
}

/// Has the entry say that it is as large as one can be: 8 GiB.
pub fn swell(header: &mut Header) {
    put(&mut header[124..135], "77777777777");
}

fn put(field: &mut [u8], text: &str) {
    field[..text.len()].copy_from_slice(text.as_bytes());
}

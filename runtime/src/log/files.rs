//! The log's files: `node.log`, and older ones behind it, `node.log.1` to `node.log.<n>`, the last of which goes.
//!
//! Never more than so many files of so many bytes. What cannot be written, on a full disk, is counted and left out: it keeps nobody from
//! anything, the next event is tried again, and what was left out is said when there is room.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// The file that is written.
pub(super) const FILE: &str = "node.log";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct FilesMax {
    /// Bytes in a file.
    pub len: u64,
    /// Files, with the one that is written.
    pub count: u32,
}

/// See the file's head.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    max: FilesMax,
    open: Option<Open>,
    /// Lines that were left out since one was written, and why.
    left_out: Option<(u64, String)>,
}

#[derive(Debug)]
struct Open {
    file: File,
    len: u64,
}

impl Files {
    pub(super) fn new(folder: &Path, max: FilesMax) -> Self {
        Self { folder: folder.to_owned(), max, open: None, left_out: None }
    }

    /// Writes a line. False: it is left out.
    pub(super) fn write(&mut self, line: &str) -> bool {
        let Err(error) = self.try_write(line) else { return true };
        let before = self.left_out.take().map_or(0, |(lines, _)| lines);
        self.left_out = Some((before + 1, error.to_string()));
        false
    }

    /// How many lines were left out before the last one that was written, and why; once.
    pub(super) fn left_out(&mut self) -> Option<(u64, String)> {
        self.left_out.take()
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        let len = line.len() as u64;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.reopen()?,
        };
        if open.len > 0 && open.len + len > self.max.len {
            drop(open);
            self.rotate()?;
            open = self.reopen()?;
        }
        if let Err(error) = open.file.write_all(line.as_bytes()) {
            // Half a line is worse than none. Refused, the next one stands behind it.
            let _: io::Result<()> = open.file.set_len(open.len);
            return Err(error);
        }
        open.len += len;
        self.open = Some(open);
        Ok(())
    }

    fn reopen(&self) -> io::Result<Open> {
        fs::create_dir_all(&self.folder)?;
        // Of a node that kept more of them.
        self.remove_from(self.max.count.max(1))?;
        let mut file = File::options().create(true).read(true).append(true).open(self.path(0))?;
        let mut len = file.metadata()?.len();
        if !ends_a_line(&file, len)? {
            // A node that was killed has left half a line, which must not take the next one with it.
            file.write_all(b"\n")?;
            len += 1;
        }
        Ok(Open { file, len })
    }

    fn rotate(&mut self) -> io::Result<()> {
        self.open = None;
        let oldest = self.max.count.max(1) - 1;
        self.remove_from(oldest)?;
        (0..oldest)
            .rev()
            .try_for_each(|number| is_there(fs::rename(self.path(number), self.path(number + 1))).map(drop))
    }

    /// Removes the file of that age, and all that are older.
    fn remove_from(&self, number: u32) -> io::Result<()> {
        for number in number.. {
            if !is_there(fs::remove_file(self.path(number)))? {
                break;
            }
        }
        Ok(())
    }

    fn path(&self, number: u32) -> PathBuf {
        path(&self.folder, number)
    }
}

fn ends_a_line(file: &File, len: u64) -> io::Result<bool> {
    let mut last = *b"\n";
    if len > 0 {
        file.read_exact_at(&mut last, len - 1)?;
    }
    Ok(last == *b"\n")
}

/// Whether there was a file to do it to.
fn is_there(done: io::Result<()>) -> io::Result<bool> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        done => done.map(|()| true),
    }
}

/// The file of that age in the folder.
fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(if number == 0 { FILE.to_owned() } else { format!("{FILE}.{number}") })
}

/// The files that are there, oldest first.
pub(super) fn there(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = (0..).map(|number| path(folder, number)).take_while(|path| path.exists()).collect();
    files.reverse();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, len: u64, count: u32) -> Files {
        Files::new(folder, FilesMax { len, count })
    }

    fn contents(folder: &Path) -> Vec<String> {
        there(folder).iter().map(|path| fs::read_to_string(path).expect("read")).collect()
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_go_on_after_a_restart() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let mut first = files(&log, 10, 3);
        for line in ["aaaa\n", "bbbb\n", "cccc\n", "dddd\n", "eeee\n"] {
            assert!(first.write(line));
        }
        assert_eq!(contents(&log), ["aaaa\nbbbb\n", "cccc\ndddd\n", "eeee\n"]);
        drop(first);
        let mut again = files(&log, 10, 3);
        for line in ["ffff\n", "gggg\n", "longer than a file\n", "h\n"] {
            assert!(again.write(line));
        }
        assert_eq!(contents(&log), ["gggg\n", "longer than a file\n", "h\n"]);
        assert_eq!(fs::read_dir(&log).expect("listed").count(), 3);
        let mut only = files(&folder.path().join("one"), 4, 1);
        assert!(only.write("aaaa") && only.write("bbbb"));
        assert_eq!(contents(&folder.path().join("one")), ["bbbb"]);
    }

    #[test]
    fn what_another_node_has_left_harms_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut more = files(folder.path(), 5, 4);
        assert!(["aaaa\n", "bbbb\n", "cccc\n", "dddd\n"].iter().all(|line| more.write(line)));
        fs::write(folder.path().join(FILE), "dd").expect("it was killed");
        let mut fewer = files(folder.path(), 5, 2);
        assert!(fewer.write("e\n"));
        assert_eq!(contents(folder.path()), ["cccc\n", "dd\ne\n"]);
        assert!(fewer.write("f\n"));
        assert_eq!(contents(folder.path()), ["dd\ne\n", "f\n"]);
    }

    #[test]
    fn a_full_disk_is_counted_and_tried_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join(FILE);
        std::os::unix::fs::symlink("/dev/full", &file).expect("a link");
        let mut files = files(folder.path(), 10, 3);
        assert!(!files.write("a\n") && !files.write("b\n"));
        fs::remove_file(&file).expect("there is room");
        assert!(files.write("c\n"));
        let (lines, why) = files.left_out().expect("lines were left out");
        assert_eq!((lines, why.contains("No space left")), (2, true), "{why}");
        assert_eq!(files.left_out(), None);
        assert_eq!(contents(folder.path()), ["c\n"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("log"), "no folder").expect("written");
        let mut files = files(&folder.path().join("log"), 10, 3);
        assert!(!files.write("a\n") && files.left_out().is_some());
    }
}
